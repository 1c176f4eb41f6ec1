import type { OptionTable } from './check.ts'
import type { Duration, Micros } from './duration.ts'

/**
 * What a rule remembers about one key: a few numbers. A storage may keep them in any form, but gives them to the rule as this
 * list.
 */
export type State = number[]

/** The numbers a limit is made of, as users write them. */
export interface Quota {
  /** How much may pass every `per`. */
  rate: number
  /** @default 1 second */
  per?: Duration
}

export const QUOTA_OPTIONS: OptionTable<Quota> = { rate: true, per: true }

/** A quota that one call brings for its key: a plan, without a limiter of its own. */
export interface CallQuota {
  /** How much may pass every `per`. 0: nothing passes. `Infinity`: everything passes, and nothing is counted. */
  rate: number
  /** @default 1 second */
  per?: Duration
  /** Token and leaky bucket: the most that can pass at once. @default rate, and at least 1 */
  burst?: number
}

export const CALL_QUOTA_OPTIONS: OptionTable<CallQuota> = { rate: true, per: true, burst: true }

/** What `reconfigure` can change; each rule takes the numbers it was made with. */
export interface QuotaChange extends Partial<Quota> {
  /** Token bucket. */
  burst?: number
  /** Leaky bucket. */
  capacity?: number
  /** Concurrency. */
  limit?: number
}

/** The wait of what no time brings: 142 years. `-Infinity` is a wait that cannot be told. */
export const FOREVER: Micros = 2 ** 52

/**
 * How to decide: deterministic moves on the few numbers of one key.
 *
 * A rule reads no clock, does no I/O and throws nothing; it writes only the state that it gets, and only when it grants. It does
 * not check its numbers: the limiter has done that.
 *
 * Time is in whole microseconds and may step back. A rule then stands still until time has caught up; a state
 * that lies further ahead than `span` belongs to another clock and counts as fresh.
 */
export interface Rule {
  /** The name of the rule. */
  readonly kind: string
  /** The numbers that make this rule different from others of its kind, in their canonical form. */
  readonly params: Readonly<Record<string, number>>
  /** The most that can pass at once, so no larger cost can ever pass. */
  readonly capacity: number
  /** Any state that nothing is added to is fresh again after this long. */
  readonly span: Micros
  /** How long callers are told that a window is, where it is not always as long as `span`. */
  readonly window?: Micros
  /** Set where the state is one number, the amount used, which falls at a steady rate. */
  readonly drain?: Drain
  /**
   * Set for windows of the calendar. The time of such a rule is in microseconds since 1970, and a storage that lies
   * elsewhere tells its twin these numbers beside `params` with each call, under these names, less `offset`.
   */
  present?(at: Micros, offset: Micros): Readonly<Record<string, number>>
  readonly calendar?: object
  /** Set where a grant is held until it is given back, because it does not come back with time (permits). */
  readonly held?: true

  /** The state of a key that was never seen. */
  fresh(now: Micros): State

  /**
   * The one primitive: takes `cost` if it can be had within `maxWait`.
   *
   * `>= 0`: granted, act after that long. `< 0`: no, and nothing was written; ask again after that long
   * (`-Infinity`: no time can be told).
   */
  reserve(state: State, now: Micros, cost: number, maxWait: Micros): Micros

  /**
   * Gives `cost` back, never beyond a fresh state.
   *
   * @param due the time for which the grant was reserved, if that is still to come. What other callers have reserved for a later
   * time is not given back, so that no new call goes before them
   */
  refund(state: State, now: Micros, cost: number, due?: Micros): void

  /** How much a caller could take right now. */
  remaining(state: State, now: Micros): number

  /**
   * Set where each grant to a new holder has a number (a fencing token), higher than all before: returns the number of the
   * latest grant. Storages return it with the verdict. They keep an exact state for each key of such a rule, and never let keys
   * share one.
   */
  token?(state: State): number

  /** How long until the state equals a fresh one and may be forgotten. */
  idleAfter(state: State, now: Micros): Micros

  /** The same rule with other numbers. */
  with(change: QuotaChange): Rule

  /**
   * Set where a call may bring a quota: the same rule with these numbers alone, on the same states. A state that was written
   * under other numbers is judged by these.
   */
  quoted?(quota: CallQuota): Rule

  /** Set where what was taken can be settled later: see {@link Holds}. */
  readonly holds?: Holds

  /** Set where the rule learns how large a limit should be; returns that in whole thousandths. */
  report?(state: State, now: Micros, report: Report): number

  /** Set where classes may share the limit: the same rule, on the same states, that fills only `share` (0 to 1) of the limit. */
  shared?(share: number): Rule
}

/** How calls that were let through have ended; what the numbers mean says the rule. */
export interface Report {
  /** Where the limit stood, or how much of it was in use. */
  readonly level: number
  /** How many ended well. */
  readonly count: number
  /** A further number; the rule says what it means. */
  readonly amount: number
  /** How many did not end well. */
  readonly bad: number
}

/**
 * What a rule can do for reservations: take an estimate now, and put in its place what was used.
 *
 * The state remembers each open reservation by its number. So a reservation is settled once, however often it is
 * asked for, and ends by itself when its time is over, without a sweep. Time that passes meanwhile drains the
 * estimate like all that was taken; what has drained cannot be given back.
 */
export interface Holds {
  /**
   * As {@link Rule.reserve}, and remembers the reservation `id`.
   *
   * @param ttl how long it may stay unsettled: above 0 it then stays charged (and is remembered for as long again), below 0 it
   * is given back after `-ttl`
   */
  hold(state: State, now: Micros, cost: number, maxWait: Micros, id: number, ttl: Micros): Micros
  /**
   * Puts `actual` in the place of `cost`, once. May leave more used than the limit holds: a debt.
   *
   * @param how what an `id` that is not remembered means: {@link SETTLED} already, or not remembered any more, and then
   * {@link CHARGED} or {@link RELEASED} at the end of its time
   */
  settle(state: State, now: Micros, id: number, cost: number, actual: number, how: SettledAs): void
  /** Lets the reservation stay unsettled until `ttl` from now; 0, or below 0 where it is not remembered. */
  extend(state: State, now: Micros, id: number, ttl: Micros): Micros
}

/** What a settlement of an unknown number means: settled already, or charged or released at the end of its time. */
export const SETTLED = 0
export const CHARGED = 1
export const RELEASED = 2
/** See {@link Holds.settle}. */
export type SettledAs = typeof SETTLED | typeof CHARGED | typeof RELEASED

/**
 * A rule whose state is `[used, at]`, where `used` falls by one every `interval`.
 * A storage can keep that as one point in time, in 32 or 64 bits.
 */
export interface Drain {
  /** The time in which one token drains. */
  readonly interval: Micros
  /** Tokens are counted in steps of `1 / steps`, a power of two. */
  readonly steps: number
  /** A cost counts as there when all but this much of it is, or all but half of it where that is less. */
  readonly grain: number
  /** Waits are told in whole multiples of this: a power of ten that hides the grain. */
  readonly quantum: Micros
  /** True when 32 bits hold twice the capacity in these steps, with room to tell past from future. */
  readonly narrow: boolean
}
