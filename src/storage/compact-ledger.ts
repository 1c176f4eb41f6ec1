import type { Clock } from '../core/clock.ts'
import type { Micros, Millis } from '../core/duration.ts'
import type { Drain, Rule, State } from '../core/rule.ts'
import type { Hold, Judged, Keep, Ledger, Settlement } from '../core/storage.ts'
import { Blocks } from './blocks.ts'
import { FewKeys } from './few-keys.ts'
import { forecast } from './forecast.ts'
import { EVICTED, FARTHEST, type KeyTable, REFUSED } from './key-table.ts'
import { RecordLedger } from './record-ledger.ts'
import { SteadyClock } from './steady-clock.ts'
import { FEW, tableWithRoom } from './table-with-room.ts'
import { blockedFor, taken } from './taken.ts'
import { LONGEST_LINE, TickLine } from './tick-line.ts'

/** By so much, or a multiple of it, the line is moved: marks of 32 bits stay what they are. */
const STRETCH = 2 ** 32

/** In ticks: what sums of decimals are off by. */
const NOISE = 2 ** -10

/**
 * Rounds up to whole ticks, so that nothing drains early; a sum that is off a whole number by a hair is that number.
 *
 * @param cost in ticks: one that is less than a hair still counts
 */
function wholeTicks(ticks: number, cost: number): number {
  return Math.ceil(cost < 1 ? ticks : ticks - NOISE)
}

/**
 * The ledger of a rule that {@link Drain drains}: a key's whole state is the moment at which all is drained.
 *
 * It is kept as a mark on a {@link TickLine}. Changing the rate changes the pace of the ticks and leaves every mark where it is.
 *
 * The first cost that is no whole number of ticks, or of very few, makes the ticks finer, once and for all keys: then 10^7 make a
 * token, or as many as fit, so that costs in decimals are whole numbers of ticks. Marks then need 64 bits.
 *
 * A key whose calls bring a quota of another pace cannot stand on that line. It moves to a {@link RecordLedger}, and comes
 * back when its record has been forgotten.
 */
export class CompactLedger implements Ledger, Judged {
  rule: Rule
  #evicted = 0
  #crowded = 0
  readonly #clock: SteadyClock
  readonly #blocks = new Blocks()
  readonly #maxKeys: number
  #table: KeyTable
  #drain: Drain
  /** The keys that do not stand on the line, where there are any. */
  #records: RecordLedger | undefined
  /** What judged last: this ledger by that rule, or the records. */
  #by: Rule
  #inRecords = false

  #line: TickLine

  /** The state the rule moves; its numbers are doubles from the start, so that the array never changes its kind. */
  readonly #state: State = [0.5, 0.5]
  /** What keys share that came when every place was taken by an exhausted one. */
  #overflow: State | undefined

  constructor(rule: Rule, drain: Drain, maxKeys: number, clock: Clock) {
    this.rule = rule
    this.#by = rule
    this.#clock = new SteadyClock(clock, rule.span)
    this.#maxKeys = maxKeys
    this.#table = new FewKeys(Math.min(maxKeys, FEW))
    this.#drain = drain
    this.#line = new TickLine(rule, drain, false, this.#clock.now(), 0)
  }

  get clock(): Clock {
    return this.#clock.beneath
  }

  get judged(): Judged {
    return this.#inRecords ? (this.#records as RecordLedger) : this
  }

  get size(): number {
    return this.#table.size + (this.#records?.size ?? 0)
  }

  get evicted(): number {
    return this.#evicted + (this.#records?.evicted ?? 0)
  }

  get crowded(): number {
    return this.#crowded + (this.#records?.crowded ?? 0)
  }

  get bytes(): number {
    return this.#table.bytes
  }

  // In one piece: so it is compiled by itself, with all that it calls. Half in the code of its callers and half called, it took 8 ns more.
  reserve(key: string, cost: number, maxWait: Micros, rule?: Rule, read?: Millis): Micros {
    const now = read === undefined ? this.#clock.now() : this.#clock.at(read)
    if (rule !== undefined) return this.#reserveQuoted(key, cost, maxWait, rule, now)
    const line = this.#line
    const ticks = cost * line.steps
    let tick = line.at(now)
    const exact = line.adds(ticks, tick)
    if (!exact) tick = this.#tickFor(now, cost)
    const table = this.#table
    const slot = table.find(key, tick)
    if (exact && slot >= 0 && maxWait === 0 && !this.#blocks.any) {
      // What is decided most often, decided in ticks: multiplying by a power of two rounds nothing, so this is
      // the rule's own comparison. All else, and every no, is asked of the rule.
      const used = Math.max(0, table.ahead(slot, tick))
      const wanted = used + ticks
      const state = this.#state
      state[1] = now
      this.#by = this.rule
      this.#inRecords = false
      if (wanted <= line.room) {
        table.mark(slot, tick + Math.ceil(wanted - NOISE))
        state[0] = wanted * line.token
        return 0
      }
      state[0] = used * line.token
      const wait = this.rule.reserve(state, now, cost, 0)
      if (wait >= 0) this.#keep(key, slot, tick, cost)
      return wait
    }
    // A call that waits is granted a mark two capacities ahead at most. A larger cost, which a bucket had room for before it became
    // smaller, is recorded.
    const far = maxWait > 0 && cost > this.rule.capacity
    if (far || (slot < 0 && this.#records?.find(key) !== undefined)) {
      return this.#takeRecorded(key, cost, maxWait, undefined, undefined, undefined, now)
    }
    return this.#ask(key, cost, maxWait, slot, now, tick)
  }

  #reserveQuoted(key: string, cost: number, maxWait: Micros, rule: Rule, now: Micros): Micros {
    // What brings a quota has mostly brought it before, and is among the records.
    const known = this.#records?.find(key)
    if (known !== undefined) {
      return this.#takeRecorded(key, cost, maxWait, rule, undefined, known, now)
    }
    const tick = this.#tickFor(now, cost)
    if (!this.#fits(rule)) {
      return this.#takeRecorded(key, cost, maxWait, rule, undefined, undefined, now)
    }
    return this.#ask(key, cost, maxWait, this.#table.find(key, tick), now, tick, rule)
  }

  peek(key: string, cost: number, rule?: Rule): Micros {
    const records = this.#recorded(key)
    const now = this.#look(key, rule)
    const wait = records?.peek(key, cost, rule) ?? this.#lookOnly(now, cost)
    const left = this.#blocks.left(key, now)
    return left > 0 ? blockedFor(left, wait, 0) : wait
  }

  forecast(key: string, ahead: number, cost: number, rule?: Rule): Micros {
    const records = this.#recorded(key)
    const now = this.#clock.now()
    const left = this.#blocks.left(key, now)
    if (records !== undefined) return Math.max(left, records.forecast(key, ahead, cost, rule))
    this.#look(key, rule)
    return Math.max(left, forecast(this.#by, [...this.#state], now, ahead, cost))
  }

  refund(key: string, cost: number, rule?: Rule): void {
    const records = this.#recorded(key)
    if (records !== undefined) return records.refund(key, cost, rule)
    const now = this.#clock.now()
    const tick = this.#tickFor(now, cost)
    const slot = this.#table.find(key, tick)
    if (slot < 0 && this.#overflow === undefined) return
    this.#load(slot, now, tick)
    this.rule.refund(this.#state, now, cost)
    this.#keep(key, slot, tick, cost)
  }

  hold(key: string, cost: number, maxWait: Micros, hold: Hold, rule?: Rule): Micros {
    return this.#takeRecorded(key, cost, maxWait, rule, hold)
  }

  settle(key: string, settlement: Settlement, rule?: Rule): void {
    const records = this.#recorded(key) ?? this.#moved(key)
    records.settle(key, settlement, rule)
  }

  extend(key: string, hold: Hold, rule?: Rule): Micros {
    return this.#moved(key).extend(key, hold, rule)
  }

  reset(key: string): void {
    this.#blocks.remove(key)
    this.#recorded(key)?.reset(key)
    const slot = this.#table.find(key, this.#tickAt(this.#clock.now()))
    if (slot >= 0) this.#table.remove(slot)
  }

  block(key: string, duration: Micros, replace = false): void {
    const now = this.#clock.now()
    this.#blocks.set(key, now, now + duration, replace)
  }

  reconfigure(rule: Rule, keep: Keep = 'used'): void {
    const drain = rule.drain as Drain
    const now = this.#clock.now()
    const tick = this.#tickAt(now)
    // What all share has drained at the old rate up to now, as the marks have.
    if (this.#overflow !== undefined) this.rule.reserve(this.#overflow, now, 0, Infinity)
    const before = this.#line
    const left = keep === 'left'
    const more = left ? rule.capacity - this.rule.capacity : 0
    const same = before.alike(rule, drain)
    let line = new TickLine(rule, drain, before.fine, now, same ? tick : 0)
    if (!same && !left && !line.wide) {
      // What was used of a larger bucket may lie farther ahead than marks of 32 bits reach.
      const farthest = this.#table.farthest(tick) * (line.steps / before.steps)
      if (farthest > FARTHEST) line = new TickLine(rule, drain, true, now, 0)
    }
    // Where the ticks stay what they are, the marks stay where they are.
    if (!same || more !== 0) {
      this.#table = this.#table.translated({
        wide: line.wide,
        tick,
        next: same ? tick : 0,
        scale: line.steps / before.steps,
        more: Math.max(0, more) * line.steps,
        most: left ? rule.capacity * line.steps : Infinity,
      })
    }
    this.#line = line
    this.#drain = drain
    this.rule = rule
    this.#records?.reconfigure(rule, keep)
    this.#clock.patience = rule.span
  }

  remaining(): number {
    return this.#by.remaining(this.#state, this.#state[1] as Micros)
  }

  idleAfter(): Micros {
    return this.#by.idleAfter(this.#state, this.#state[1] as Micros)
  }

  /** What the rule at hand says about the state at hand; nothing is taken. */
  #lookOnly(now: Micros, cost: number): Micros {
    return this.#by.reserve([...this.#state], now, cost, 0)
  }

  /** Loads the state of `key` for `rule`; returns the time. */
  #look(key: string, rule: Rule = this.rule): Micros {
    const now = this.#clock.now()
    const tick = this.#tickAt(now)
    this.#by = rule
    this.#load(this.#table.find(key, tick), now, tick)
    return now
  }

  /** The records, where `key` is among them. */
  #recorded(key: string): RecordLedger | undefined {
    this.#inRecords = this.#records?.find(key) !== undefined
    return this.#inRecords ? this.#records : undefined
  }

  /** The records, with the state of `key` in them, wherever it was. */
  #moved(key: string): RecordLedger {
    this.#records ??= new RecordLedger(this.rule, this.#clock, this.#maxKeys)
    const now = this.#clock.now()
    const tick = this.#tickAt(now)
    const slot = this.#table.find(key, tick)
    if (slot >= 0) {
      this.#load(slot, now, tick)
      if (this.#records.adopt(key, [...this.#state])) this.#table.remove(slot)
    }
    this.#inRecords = true
    return this.#records
  }

  /** True when a state that this rule moves can stand on the line. */
  #fits(rule: Rule): boolean {
    return this.#line.carries(rule.drain as Drain) && rule.capacity <= this.rule.capacity
  }

  /** Takes from the records; a key that stands on the line moves there when it is granted. */
  #takeRecorded(
    key: string,
    cost: number,
    maxWait: Micros,
    rule: Rule | undefined,
    hold?: Hold,
    known: State | undefined = this.#records?.find(key),
    now: Micros = this.#clock.now(),
  ): Micros {
    this.#inRecords = known !== undefined
    const left = this.#blocks.left(key, now)
    // The decision tells how the key stands, also while it is blocked.
    if (left > 0) return blockedFor(left, this.peek(key, cost, rule), maxWait)
    if (known !== undefined) {
      return (this.#records as RecordLedger).takeKnown(known, now, cost, maxWait, rule, hold)
    }
    this.#look(key, rule)
    const wait = taken(this.#by, [...this.#state], now, cost, maxWait, hold)
    return wait < 0 ? wait : this.#moved(key).take(key, cost, maxWait, rule, hold, now)
  }

  #ask(
    key: string,
    cost: number,
    maxWait: Micros,
    slot: number,
    now: Micros,
    tick: number,
    rule: Rule = this.rule,
  ): Micros {
    this.#by = rule
    this.#inRecords = false
    this.#load(slot, now, tick)
    const left = this.#blocks.left(key, now)
    if (left > 0) return blockedFor(left, this.#lookOnly(now, cost), maxWait)
    // Marks of 32 bits reach two capacities ahead, so nothing is reserved further off than one.
    const wait = rule.reserve(this.#state, now, cost, Math.min(maxWait, this.rule.span))
    if (wait >= 0 && !this.#keep(key, slot, tick, cost)) this.#crowded += 1
    return wait
  }

  /** Puts the state of a slot where the rule can move it. */
  #load(slot: number, now: Micros, tick: number): void {
    const ahead = slot < 0 ? 0 : this.#table.ahead(slot, tick)
    this.#state[0] = ahead > 0 ? ahead * this.#line.token : 0
    this.#state[1] = now
    if (slot < 0 && this.#overflow !== undefined) this.#share(this.#overflow, tick)
  }

  /** Lets the state at hand be the shared one, if there is no place for another. */
  #share(overflow: State, tick: number): void {
    if (this.#table.admits(tick, this.#line.precious)) return
    this.#state[0] = overflow[0] as number
    this.#state[1] = overflow[1] as number
  }

  /** Keeps the state that the rule has moved: for `key` alone, or without room for all keys that have no state. @returns true when it is `key`'s alone */
  #keep(key: string, slot: number, tick: number, cost: number): boolean {
    const { steps } = this.#line
    const at = tick + wholeTicks((this.#state[0] as number) * steps, cost * steps)
    if (slot >= 0) {
      this.#table.mark(slot, at)
      return true
    }
    if (this.#table instanceof FewKeys) {
      this.#table = tableWithRoom(this.#table, key, this.#maxKeys, this.#line.wide, tick)
    }
    const inserted = this.#table.insert(tick, at, this.#line.precious)
    if (inserted === REFUSED) this.#overflow = [...this.#state]
    else if (inserted === EVICTED) this.#evicted += 1
    return inserted !== REFUSED
  }

  /** The present, in ticks of which `cost` is a whole number, or nearly. */
  #tickFor(now: Micros, cost: number): number {
    if (this.#line.blurs(cost * this.#line.steps)) this.#refine(now)
    return this.#tickAt(now)
  }

  #tickAt(now: Micros): number {
    const tick = this.#line.at(now)
    return tick > LONGEST_LINE ? this.#rebase(now, tick) : tick
  }

  /** Moves the line back to its beginning, and all marks with it; returns the present there. */
  #rebase(now: Micros, tick: number): number {
    const moved = tick - (tick % STRETCH)
    this.#table.rebase(moved)
    this.#line = new TickLine(this.rule, this.#drain, this.#line.fine, now, tick - moved)
    return tick - moved
  }

  /** Goes over to fine ticks, where every mark lies as far ahead in time as before. */
  #refine(now: Micros): void {
    const tick = this.#tickAt(now)
    const line = new TickLine(this.rule, this.#drain, true, now, 0)
    this.#table = this.#table.translated({
      wide: true,
      tick,
      next: 0,
      scale: line.steps / this.#line.steps,
      more: 0,
      most: Infinity,
    })
    this.#line = line
  }
}
