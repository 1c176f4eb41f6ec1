import type { Clock } from '../core/clock.ts'
import type { Micros } from '../core/duration.ts'
import type { Drain, Rule, State } from '../core/rule.ts'
import type { Judged, Keep, Ledger } from '../core/storage.ts'
import { Blocks } from './blocks.ts'
import { CompactTable } from './compact-table.ts'
import { FewKeys } from './few-keys.ts'
import { fineSteps } from './fine-steps.ts'
import { forecast } from './forecast.ts'
import { EVICTED, type KeyTable, REFUSED } from './key-table.ts'
import { SteadyClock } from './steady-clock.ts'

/** Up to this many keys are kept as they are. */
const FEW = 4096
/**
 * The line of ticks begins anew before it is so long: up to 2^53 a double counts one by one, and the arithmetic needs bits to
 * spare. At the finest ticks that is every quarter of an hour, else every 12 days or less often.
 */
const LONGEST_LINE = 2 ** 50
/** By so much, or a multiple of it, the line is moved: marks of 32 bits stay what they are. */
const STRETCH = 2 ** 32
/** Keys longer than this are not kept: many of them would be more than their states. */
const LONG_KEY = 256

/**
 * The ledger of a rule that {@link Drain drains}: a key's whole state is the moment at which all is drained.
 *
 * Time runs on a line of ticks, one tick for each step of a token that drains. There `used` tokens are a mark
 * `used * steps` ticks ahead of now, and a cost moves the mark by a whole number of ticks: the sum never rounds, and
 * what is rounded is only the present, to a tick. A tick is at most 0.25 ms and at least a nanosecond. Changing the
 * rate changes the pace of the ticks and leaves every mark where it is.
 *
 * The first cost that is no whole number of ticks makes the ticks finer, once and for all keys: then 2^24 make a token, or as
 * many as fit, and a thousandth is rounded up by less than a ten-thousandth of itself. Marks then need 64 bits.
 */
export class CompactLedger implements Ledger, Judged {
  rule: Rule
  evicted = 0
  crowded = 0
  readonly #clock: SteadyClock
  readonly #blocks = new Blocks()
  readonly #maxKeys: number
  /** Have the ticks been made finer than the rule's steps? */
  #fine = false
  #table: KeyTable
  #drain: Drain

  // The line of ticks: at time #since it stood at #ticked, and it moves #pace ticks a microsecond.
  #since: Micros
  #ticked = 0
  #pace = 0
  // The rule's numbers in ticks.
  #steps = 0
  /** One step in tokens: a power of two too, so multiplying by it rounds nothing either. */
  #token = 0
  /** A key may lie this far ahead. */
  #room = 0
  /** Farther ahead than this a key has no token left, and is not freed to make room for another. */
  #precious = 0

  /** The state the rule moves; its numbers are doubles from the start, so that the array never changes its kind. */
  readonly #state: State = [0.5, 0.5]
  /** What keys share that came when every place was taken by an exhausted one. */
  #overflow: State | undefined

  constructor(rule: Rule, drain: Drain, maxKeys: number, clock: Clock) {
    this.rule = rule
    this.#clock = new SteadyClock(clock, rule.span)
    this.#maxKeys = maxKeys
    this.#table = new FewKeys(Math.min(maxKeys, FEW))
    this.#drain = drain
    this.#since = this.#clock.now()
    this.#measure(rule, drain)
  }

  get judged(): Judged {
    return this
  }

  get size(): number {
    return this.#table.size
  }

  get bytes(): number {
    return this.#table.bytes
  }

  reserve(key: string, cost: number, maxWait: Micros): Micros {
    const now = this.#clock.now()
    const tick = this.#tickFor(now, cost)
    const slot = this.#table.find(key, tick)
    if (slot >= 0 && maxWait === 0 && !this.#blocks.any) {
      // What is decided most often, decided in ticks: multiplying by a power of two rounds nothing, so this is
      // the rule's own comparison. All else, and every no, is asked of the rule.
      const ahead = this.#table.ahead(slot, tick)
      const wanted = Math.max(0, ahead) + cost * this.#steps
      if (wanted <= this.#room) {
        this.#table.mark(slot, tick + Math.ceil(wanted))
        this.#state[0] = wanted * this.#token
        this.#state[1] = now
        return 0
      }
    }
    return this.#ask(key, cost, maxWait, slot, now, tick)
  }

  peek(key: string, cost: number): Micros {
    const now = this.#look(key)
    const left = this.#blocks.left(key, now)
    if (left > 0) return -left
    return this.rule.reserve([...this.#state], now, cost, 0)
  }

  forecast(key: string, ahead: number, cost: number): Micros {
    const now = this.#look(key)
    const left = this.#blocks.left(key, now)
    return Math.max(left, forecast(this.rule, [...this.#state], now, ahead, cost))
  }

  refund(key: string, cost: number): void {
    const now = this.#clock.now()
    const tick = this.#tickFor(now, cost)
    const slot = this.#table.find(key, tick)
    if (slot < 0 && this.#overflow === undefined) return
    this.#load(slot, now, tick)
    this.rule.refund(this.#state, now, cost)
    this.#keep(key, slot, tick)
  }

  reset(key: string): void {
    this.#blocks.remove(key)
    const slot = this.#table.find(key, this.#tickAt(this.#clock.now()))
    if (slot >= 0) this.#table.remove(slot)
  }

  block(key: string, duration: Micros): void {
    const now = this.#clock.now()
    this.#blocks.add(key, now, now + duration)
  }

  reconfigure(rule: Rule, keep: Keep = 'used'): void {
    const drain = rule.drain as Drain
    const now = this.#clock.now()
    const tick = this.#tickAt(now)
    // Where the ticks stay what they are, the marks may stay where they are; a smaller bucket holds no more than itself.
    const before = this.#steps
    const wide = this.#fine || !drain.narrow
    const steps = this.#fine ? fineSteps(rule, drain) : drain.steps
    const same = steps === before && wide === (this.#fine || !this.#drain.narrow)
    this.#ticked = same ? tick : 0
    const more = keep === 'left' ? Math.max(0, rule.capacity - this.rule.capacity) : 0
    if (!same || more > 0 || rule.capacity < this.rule.capacity) {
      this.#table = this.#table.translated({
        wide,
        tick,
        next: this.#ticked,
        scale: steps / before,
        more: more * steps,
        most: rule.capacity * steps,
      })
    }
    this.#since = now
    this.#drain = drain
    this.rule = rule
    this.#clock.patience = rule.span
    this.#measure(rule, drain)
  }

  remaining(): number {
    return this.rule.remaining(this.#state, this.#state[1] as Micros)
  }

  idleAfter(): Micros {
    return this.rule.idleAfter(this.#state, this.#state[1] as Micros)
  }

  /** Loads the state of `key`; returns the time. */
  #look(key: string): Micros {
    const now = this.#clock.now()
    const tick = this.#tickAt(now)
    this.#load(this.#table.find(key, tick), now, tick)
    return now
  }

  #ask(
    key: string,
    cost: number,
    maxWait: Micros,
    slot: number,
    now: Micros,
    tick: number,
  ): Micros {
    this.#load(slot, now, tick)
    const left = this.#blocks.left(key, now)
    if (left > 0) return -left
    // A mark may lie two capacities ahead at most, so nothing is reserved further off than one.
    const wait = this.rule.reserve(this.#state, now, cost, Math.min(maxWait, this.rule.span))
    if (wait >= 0 && !this.#keep(key, slot, tick)) this.crowded += 1
    return wait
  }

  /** Puts the state of a slot where the rule can move it. */
  #load(slot: number, now: Micros, tick: number): void {
    const ahead = slot < 0 ? 0 : this.#table.ahead(slot, tick)
    this.#state[0] = ahead > 0 ? ahead * this.#token : 0
    this.#state[1] = now
    if (slot < 0 && this.#overflow !== undefined) this.#share(this.#overflow, tick)
  }

  /** Lets the state at hand be the shared one, if there is no place for another. */
  #share(overflow: State, tick: number): void {
    if (this.#table.admits(tick, this.#precious)) return
    this.#state[0] = overflow[0] as number
    this.#state[1] = overflow[1] as number
  }

  /** Keeps the state the rule has moved, for `key` alone or, where there is no room, for all who have none; is it `key`'s? */
  #keep(key: string, slot: number, tick: number): boolean {
    const at = tick + Math.ceil((this.#state[0] as number) * this.#steps)
    if (slot >= 0) {
      this.#table.mark(slot, at)
      return true
    }
    if (this.#table instanceof FewKeys) this.#makeRoom(this.#table, key, tick)
    const inserted = this.#table.insert(tick, at, this.#precious)
    if (inserted === REFUSED) this.#overflow = [...this.#state]
    else if (inserted === EVICTED) this.evicted += 1
    return inserted !== REFUSED
  }

  /** When few keys become many: forgets what may be forgotten, and goes over to the compact table if that is little. */
  #makeRoom(few: FewKeys, key: string, tick: number): void {
    const long = key.length > LONG_KEY
    if (few.size < few.capacity && !long) return
    if (few.capacity === this.#maxKeys && !long) return
    few.sweep(tick)
    if (few.size > few.capacity / 2 || long) {
      this.#table = new CompactTable(this.#maxKeys, this.#fine || !this.#drain.narrow, tick)
      few.pour(this.#table, tick)
    }
    // The key at hand is still to be put in.
    this.#table.find(key, tick)
  }

  #measure(rule: Rule, drain: Drain): void {
    const steps = this.#fine ? fineSteps(rule, drain) : drain.steps
    this.#steps = steps
    this.#token = 1 / steps
    this.#pace = steps / drain.interval
    this.#room = (rule.capacity + drain.grain) * steps
    this.#precious = (rule.capacity - 1) * steps
  }

  /** The present, in ticks of which `cost` is a whole number, or nearly. */
  #tickFor(now: Micros, cost: number): number {
    const ticks = cost * this.#steps
    if (ticks !== Math.floor(ticks) && !this.#fine) this.#refine(now)
    return this.#tickAt(now)
  }

  #tickAt(now: Micros): number {
    const tick = this.#ticked + Math.round((now - this.#since) * this.#pace)
    return tick > LONGEST_LINE ? this.#rebase(now, tick) : tick
  }

  /** Moves the line back to its beginning, and all marks with it; returns the present there. */
  #rebase(now: Micros, tick: number): number {
    const moved = tick - (tick % STRETCH)
    this.#table.rebase(moved)
    this.#since = now
    this.#ticked = tick - moved
    return this.#ticked
  }

  /** Goes over to fine ticks, where every mark lies as far ahead in time as before. */
  #refine(now: Micros): void {
    this.#fine = true
    const steps = fineSteps(this.rule, this.#drain)
    this.#table = this.#table.translated({
      wide: true,
      tick: this.#tickAt(now),
      next: 0,
      scale: steps / this.#steps,
      more: 0,
      most: Infinity,
    })
    this.#since = now
    this.#ticked = 0
    this.#measure(this.rule, this.#drain)
  }
}
