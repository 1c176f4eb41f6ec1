import type { Clock } from '../core/clock.ts'
import type { Micros, Millis } from '../core/duration.ts'
import type { Report, Rule, State } from '../core/rule.ts'
import type { Hold, Judged, Keep, Ledger, Settlement } from '../core/storage.ts'
import { Blocks } from './blocks.ts'
import { forecast } from './forecast.ts'
import { Judges } from './judges.ts'
import { type LedgerClock, ledgerClock } from './ledger-clock.ts'
import { SteadyClock } from './steady-clock.ts'
import { blockedFor, holdsOf, taken } from './taken.ts'

/** The most keys a ledger holds, unless told otherwise. */
export const MAX_KEYS = 100_000
/** How many keys are looked at to find one that may give way. */
const SAMPLE = 16
/** How many keys are looked at, whenever one is added, for some that may be forgotten. */
const SWEEP = 2
/** Up to this many keys, small states are kept though they are over: at high rates every one soon is, and is wanted again. */
const FEW = 4096
/** A state of so many numbers is small. */
const SMALL = 2
/** Keys longer than this weigh more than their states. */
const LONG_KEY = 256
/** The most characters that all long keys together may have beyond that. */
const LONG_KEYS = 2 ** 25

/** The ledger of any rule: a list of numbers for each key. */
export class RecordLedger implements Ledger, Judged {
  rule: Rule
  readonly clock: Clock
  evicted = 0
  crowded = 0
  readonly #clock: LedgerClock
  readonly #blocks = new Blocks()
  readonly #maxKeys: number
  readonly #states = new Map<string, State>()
  // Keys and states once more, where one can be picked at random.
  readonly #keys: string[] = []
  readonly #kept: State[] = []
  /** How many characters the keys have beyond what is not long. */
  #long = 0
  /** Which key was looked at last to sweep. */
  #broom = 0
  /** What keys share that came when every key looked at was exhausted. */
  #overflow: State | undefined
  readonly #judges = new Judges()
  /** The state at hand, and what judges it. */
  #state: State
  #by: Rule
  #now: Micros = 0

  /** @param clock the clock beneath, or one that is shared with another ledger */
  constructor(rule: Rule, clock: Clock | SteadyClock, maxKeys: number = MAX_KEYS) {
    this.rule = rule
    this.#by = rule
    this.#maxKeys = maxKeys
    const shared = clock instanceof SteadyClock
    this.clock = shared ? clock.beneath : clock
    this.#clock = shared ? clock : ledgerClock(rule, clock)
    this.#state = rule.fresh(0)
  }

  get judged(): Judged {
    return this
  }

  get size(): number {
    return this.#keys.length
  }

  /** The state of `key`, where it has one. */
  find(key: string): State | undefined {
    return this.#states.get(key)
  }

  /** Takes from a state that was found, of a key that is not blocked. */
  takeKnown(
    state: State,
    now: Micros,
    cost: number,
    maxWait: Micros,
    rule: Rule | undefined,
    hold?: Hold,
  ): Micros {
    this.#state = state
    this.#now = now
    this.#by = rule ?? this.rule
    const wait = taken(this.#by, state, now, cost, maxWait, hold)
    if (wait >= 0) this.#judgedBy(rule)
    return wait
  }

  /** Takes over a state that was kept elsewhere. @returns false when there is no room for it */
  adopt(key: string, state: State): boolean {
    this.#now = this.#clock.now()
    if (!this.#makeRoom(key)) return false
    this.#state = state
    this.#add(key)
    return true
  }

  // Short, so that it is compiled into the code of its callers: nearly all calls are no more than this.
  reserve(key: string, cost: number, maxWait: Micros, rule?: Rule, read?: Millis): Micros {
    const now = read === undefined ? this.#clock.now() : this.#clock.at(read)
    const state = this.#states.get(key)
    if (rule !== undefined || state === undefined || this.#blocks.any || this.#judges.any) {
      return this.take(key, cost, maxWait, rule, undefined, now)
    }
    this.#state = state
    this.#now = now
    this.#by = this.rule
    return this.rule.reserve(state, now, cost, maxWait)
  }

  hold(key: string, cost: number, maxWait: Micros, hold: Hold, rule?: Rule): Micros {
    return this.take(key, cost, maxWait, rule, hold)
  }

  settle(
    key: string,
    { id, cost, actual, how }: Settlement,
    rule?: Rule,
    now: Micros = this.#clock.now(),
  ): void {
    const known = this.#open(key, rule, now)
    const room = known || this.#makeRoom(key)
    if (!room) this.#state = this.#overflow ??= this.#state
    holdsOf(this.#by).settle(this.#state, this.#now, id, cost, actual, how)
    if (!known && room) this.#add(key)
  }

  extend(key: string, { id, ttl }: Hold, rule?: Rule): Micros {
    this.#open(key, rule)
    return holdsOf(this.#by).extend(this.#state, this.#now, id, ttl)
  }

  report(key: string, report: Report): number {
    const known = this.#open(key)
    const learnt = this.#by.report?.(this.#state, this.#now, report) ?? 0
    if (!known && this.#makeRoom(key)) this.#add(key)
    return learnt
  }

  /**
   * Takes, or reserves what is to be settled.
   *
   * @param hold the reservation
   * @param now the time, where it has been asked for already
   */
  take(
    key: string,
    cost: number,
    maxWait: Micros,
    rule: Rule | undefined,
    hold?: Hold,
    now: Micros = this.#clock.now(),
  ): Micros {
    const known = this.#open(key, rule, now)
    const left = this.#blocks.left(key, now)
    if (left > 0) return blockedFor(left, this.#lookOnly(cost), maxWait)
    const room = known || this.#makeRoom(key)
    if (!room) {
      // A lease that shared the state of another would be the other's.
      if (this.rule.token !== undefined) return -Infinity
      this.#state = this.#overflow ??= this.#state
    }
    const wait = taken(this.#by, this.#state, this.#now, cost, maxWait, hold)
    if (wait >= 0) {
      this.#judgedBy(rule)
      if (!known) {
        if (room) this.#add(key)
        else this.crowded += 1
      }
    }
    return wait
  }

  peek(key: string, cost: number, rule?: Rule): Micros {
    const known = this.#open(key, rule)
    const left = this.#blocks.left(key, this.#now)
    if (left > 0) return blockedFor(left, this.#lookOnly(cost), 0)
    const room = known || (this.size < this.#maxKeys && !this.#tooLong(key))
    if (!room) this.#state = this.#overflow ?? this.#state
    return this.#lookOnly(cost)
  }

  forecast(key: string, ahead: number, cost: number, rule?: Rule): Micros {
    this.#open(key, rule)
    const wait = forecast(this.#by, [...this.#state], this.#now, ahead, cost)
    return Math.max(this.#blocks.left(key, this.#now), wait)
  }

  refund(key: string, cost: number, rule?: Rule): void {
    const state = this.#open(key, rule) ? this.#state : this.#overflow
    if (state !== undefined) (rule ?? this.#ruleOf(state)).refund(state, this.#now, cost)
  }

  reset(key: string): void {
    this.#blocks.remove(key)
    // A fresh state is as good as none, and swept like any other that is over.
    if (this.#open(key)) this.#state.splice(0, Infinity, ...this.rule.fresh(this.#now))
  }

  block(key: string, duration: Micros, replace = false): void {
    const now = this.#clock.now()
    this.#blocks.set(key, now, now + duration, replace)
  }

  reconfigure(rule: Rule, keep: Keep = 'used'): void {
    const now = this.#clock.now()
    const all = this.#overflow === undefined ? this.#kept : [...this.#kept, this.#overflow]
    for (const state of rule.drain === undefined ? [] : all) {
      // A quota of its own goes on.
      if (this.#judges.of(state) !== undefined) continue
      // Up to now it has drained at the old rate: taking nothing writes the present state down.
      this.rule.reserve(state, now, 0, Infinity)
      if (keep === 'left') state[0] = Math.min(rule.capacity, state[0] as number)
    }
    this.rule = rule
    this.#clock.patience = rule.span
  }

  remaining(): number {
    return this.#by.remaining(this.#state, this.#now)
  }

  idleAfter(): Micros {
    return this.#by.idleAfter(this.#state, this.#now)
  }

  token(): number | undefined {
    return this.rule.token?.(this.#state)
  }

  /** Puts the state of `key`, or a fresh one, where the rule can move it. @returns true when the key was known */
  #open(key: string, rule: Rule = this.rule, now: Micros = this.#clock.now()): boolean {
    this.#by = rule
    this.#now = now
    const state = this.#states.get(key)
    this.#state = state ?? this.rule.fresh(this.#now)
    return state !== undefined
  }

  /** What the rule at hand says about the state at hand; nothing is taken. */
  #lookOnly(cost: number): Micros {
    return this.#by.reserve([...this.#state], this.#now, cost, 0)
  }

  /** Remembers what judged the state at hand: it tells how much is left of it when room is needed. */
  #judgedBy(rule: Rule | undefined): void {
    if (rule === undefined && !this.#judges.any) return
    if (this.#state !== this.#overflow) {
      this.#judges.set(this.#state, rule === this.rule ? undefined : rule)
    }
  }

  #ruleOf(state: State): Rule {
    return this.#judges.of(state) ?? this.rule
  }

  #add(key: string): void {
    this.#states.set(key, this.#state)
    this.#keys.push(key)
    this.#kept.push(this.#state)
    this.#long += beyondLong(key)
  }

  #forget(index: number): void {
    const key = this.#keys[index] as string
    this.#states.delete(key)
    this.#long -= beyondLong(key)
    // The last one takes its place.
    const [lastKey, lastState] = [this.#keys.pop() as string, this.#kept.pop() as State]
    if (index === this.size) return
    this.#keys[index] = lastKey
    this.#kept[index] = lastState
  }

  /** True when the key would exceed the bound on the characters of long keys. */
  #tooLong(key: string): boolean {
    return this.#long + beyondLong(key) > LONG_KEYS
  }

  /** Sweeps a little, and makes a place for `key`. @returns false when there is none */
  #makeRoom(key: string): boolean {
    for (let i = 0; i < SWEEP && this.size > 0; i++) this.#sweepNext()
    if (this.#tooLong(key)) return false
    if (this.size < this.#maxKeys) return true
    let candidate = -1
    let soonest = Infinity
    for (let i = 0; i < SAMPLE; i++) {
      const index = Math.floor(Math.random() * this.size)
      const state = this.#kept[index] as State
      const rule = this.#ruleOf(state)
      const idleAfter = rule.idleAfter(state, this.#now)
      // Freeing an exhausted key would make a flood of new keys the way round a limit.
      if (idleAfter < soonest && rule.remaining(state, this.#now) >= 1) {
        candidate = index
        soonest = idleAfter
      }
    }
    if (candidate < 0) return false
    this.#forget(candidate)
    if (soonest > 0) this.evicted += 1
    return true
  }

  /** Forgets the next key on the round, if that is all over and worth it. */
  #sweepNext(): void {
    this.#broom = (this.#broom + 1) % this.size
    const state = this.#kept[this.#broom] as State
    if (state.length <= SMALL && this.size <= FEW && this.#long === 0) return
    if (this.#ruleOf(state).idleAfter(state, this.#now) <= 0) this.#forget(this.#broom)
  }
}

export function recordLedger(rule: Rule, clock: Clock): RecordLedger {
  return new RecordLedger(rule, clock)
}

function beyondLong(key: string): number {
  return Math.max(0, key.length - LONG_KEY)
}
