import type { Clock } from '../core/clock.ts'
import type { Micros } from '../core/duration.ts'
import type { Rule, State } from '../core/rule.ts'
import type { Judged, Ledger } from '../core/storage.ts'
import { Blocks } from './blocks.ts'
import { forecast } from './forecast.ts'
import { KeySlots } from './key-slots.ts'
import { SteadyClock } from './steady-clock.ts'

/** How many keys are looked at to find one that may give way. */
const SAMPLE = 16
/** How many keys are looked at, whenever one is added, for some that may be forgotten. */
const SWEEP = 2

/** The ledger of any rule: a list of numbers for each key. */
export class RecordLedger implements Ledger, Judged {
  rule: Rule
  evicted = 0
  crowded = 0
  readonly #clock: SteadyClock
  readonly #blocks: Blocks
  readonly #maxKeys: number
  readonly #slots = new KeySlots()
  readonly #states: State[] = []
  /** What keys share that came when every key looked at was exhausted. */
  #overflow: State | undefined
  #state: State
  #now: Micros = 0

  constructor(rule: Rule, maxKeys: number, clock: Clock) {
    this.rule = rule
    this.#maxKeys = maxKeys
    this.#clock = new SteadyClock(clock, rule.span)
    this.#blocks = new Blocks(maxKeys)
    this.#state = rule.fresh(0)
  }

  get judged(): Judged {
    return this
  }

  get size(): number {
    return this.#slots.size
  }

  reserve(key: string, cost: number, maxWait: Micros): Micros {
    const known = this.#open(key)
    const left = this.#blocks.left(key, this.#now)
    if (left > 0) return -left
    if (known) return this.rule.reserve(this.#state, this.#now, cost, maxWait)
    // A lease that shared the state of another would be the other's.
    if (this.rule.token !== undefined && !this.#makeRoom()) return -Infinity
    const shared = this.#overflow !== undefined && !this.#makeRoom()
    if (shared) this.#state = this.#overflow as State
    const wait = this.rule.reserve(this.#state, this.#now, cost, maxWait)
    if (wait >= 0 && (shared || !this.#add(key))) this.crowded += 1
    return wait
  }

  peek(key: string, cost: number): Micros {
    const known = this.#open(key)
    const left = this.#blocks.left(key, this.#now)
    if (left > 0) return -left
    if (!known && this.#overflow !== undefined && this.#slots.size >= this.#maxKeys) {
      this.#state = this.#overflow
    }
    return this.rule.reserve([...this.#state], this.#now, cost, 0)
  }

  forecast(key: string, ahead: number, cost: number): Micros {
    this.#open(key)
    return Math.max(
      this.#blocks.left(key, this.#now),
      forecast(this.rule, [...this.#state], this.#now, ahead, cost),
    )
  }

  refund(key: string, cost: number): void {
    if (this.#open(key)) this.rule.refund(this.#state, this.#now, cost)
    else if (this.#overflow !== undefined) this.rule.refund(this.#overflow, this.#now, cost)
  }

  reset(key: string): void {
    this.#blocks.remove(key)
    const slot = this.#slots.find(key)
    if (slot >= 0) this.#slots.remove(slot)
  }

  block(key: string, duration: Micros): void {
    const now = this.#clock.now()
    this.#blocks.add(key, now, now + duration)
  }

  reconfigure(rule: Rule): void {
    this.rule = rule
    this.#clock.patience = rule.span
  }

  remaining(): number {
    return this.rule.remaining(this.#state, this.#now)
  }

  idleAfter(): Micros {
    return this.rule.idleAfter(this.#state, this.#now)
  }

  token(): number | undefined {
    return this.rule.token?.(this.#state)
  }

  /** Puts the state of `key`, or a fresh one, where the rule can move it; was it known? */
  #open(key: string): boolean {
    this.#now = this.#clock.now()
    const slot = this.#slots.find(key)
    this.#state = slot < 0 ? this.rule.fresh(this.#now) : (this.#states[slot] as State)
    return slot >= 0
  }

  /** Keeps the state at hand, for `key` alone or, where there is no room, for all who have none; is it `key`'s alone? */
  #add(key: string): boolean {
    const room = this.#makeRoom()
    if (room) this.#states[this.#slots.add(key)] = this.#state
    else this.#overflow = this.#state
    return room
  }

  /** Sweeps a little, and sees to it that one key more has room; is there? */
  #makeRoom(): boolean {
    for (let i = 0; i < SWEEP; i++) this.#sweepNext()
    if (this.#slots.size < this.#maxKeys) return true
    let candidate = -1
    let soonest = Infinity
    for (let i = 0; i < SAMPLE; i++) {
      const slot = this.#slots.any()
      const state = this.#states[slot] as State
      const idleAfter = this.rule.idleAfter(state, this.#now)
      // Freeing an exhausted key would make a flood of new keys the way round a limit.
      if (idleAfter < soonest && this.rule.remaining(state, this.#now) >= 1) {
        candidate = slot
        soonest = idleAfter
      }
    }
    if (candidate < 0) return false
    this.#slots.remove(candidate)
    if (soonest > 0) this.evicted += 1
    return true
  }

  /** Forgets the next key on the round, if that is all over. */
  #sweepNext(): void {
    const slot = this.#slots.next()
    if (slot < 0) return
    const state = this.#states[slot] as State
    if (this.rule.idleAfter(state, this.#now) <= 0) this.#slots.remove(slot)
  }
}
