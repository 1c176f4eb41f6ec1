import type { OptionTable } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import type { Duration } from '../core/duration.ts'
import type { Listener } from '../core/events.ts'
import type { Metered } from '../core/meter.ts'
import type { Policy } from '../core/policy.ts'
import type { QuotaChange, Rule } from '../core/rule.ts'
import type { Storage } from '../core/storage.ts'
import type { WaitOptions } from '../core/waiters.ts'
import type { PermitsOptions } from '../rules/permits.ts'
import { CALL_OPTIONS, type CallOptions } from './calls/call-options.ts'
import type { Classes } from './calls/terms-reader.ts'
import type { Comparison } from './comparison.ts'
import type { Permit } from './permit.ts'
import type { OutagePolicy } from './remote/outage.ts'
import type { Reservation } from './reservations/reservation.ts'
import type { ReserveOptions } from './reservations/reserve.ts'

/** A storage for limiters: in memory, or outside this process. */
export interface LimiterStorage extends Storage {
  /** For a storage outside this process: makes its limiters, `remoteLimiters` for example. A storage in memory needs none. */
  readonly limiters?: RemoteLimiters
}

/** Makes the limiters of a storage outside this process. The options have been checked. */
export interface RemoteLimiters {
  /** A limiter of one rule. */
  rule(storage: Storage, rule: Rule, options: LimiterOptions): Limiter
  /**
   * A limiter whose rate all processes learn together: an `Adaptive` of these `AdaptiveOptions`.
   * @default a limiter that learns from the calls of this process
   */
  adaptive?(storage: Storage, options: LimiterOptions): Limiter
  /** As {@link adaptive}, for calls at once: an `AdaptivePermits` of these `AdaptiveConcurrencyOptions`. */
  adaptiveConcurrency?(storage: Storage, options: LimiterOptions): Limiter
  /** A limiter of calls at once: each permit is a lease, so that the permits of a process that died come back. */
  concurrency(storage: Storage, options: PermitsOptions & LimiterOptions): PermitLimiter
}

/** What every limiter can be given. */
export interface LimiterOptions extends Metered {
  /**
   * Where the limiter remembers.
   * @default memory of its own, for as many keys as a MemoryStorage has
   */
  storage?: LimiterStorage
  /**
   * Sets apart limiters that share a storage. Limiters with the same rule, quota and scope share their counts; over Redis also
   * limiters with another quota, so that a changed quota goes on with what was used. `name` sets no counts apart.
   * @default one for each quota: limiters with equal numbers share their counts
   */
  scope?: string
  /** @default the clock of the storage */
  clock?: Clock
  /**
   * The name in `deniedBy`, statistics, metrics and HTTP fields. It sets no counts apart: `scope` does.
   * @default its scope, or the kind of its rule where it has none
   */
  name?: string
  /**
   * Classes of calls, and the share of the limit that each may fill: `{ critical: 1, normal: 0.8, batch: 0.5 }`. A call of the
   * class `batch` passes while what all calls together use stays at or below half of the limit, so it is turned away first. A
   * call without a class may fill the whole limit. For token and leaky buckets and concurrency.
   * @default none
   */
  classes?: Classes
  /**
   * Denies nothing: decisions say `shadow: true` and `wouldDeny`, and calls that would have been denied take nothing. To try a limit on
   * live calls before it holds.
   * @default false
   */
  shadow?: boolean
  /**
   * What to answer while a remote storage cannot be asked: `'deny'`, `'allow'`, `'throw'` a StorageDownError, or `'local'`:
   * let a limiter of this process, with the same numbers, answer. Decisions then are `degraded`.
   * @default 'deny'
   */
  onStorageError?: OutagePolicy
  /** The longest a remote storage may take for an answer. @default that of the storage */
  storageTimeout?: Duration
}

export const LIMITER_OPTIONS: OptionTable<LimiterOptions> = {
  storage: true,
  scope: true,
  clock: true,
  name: true,
  classes: true,
  shadow: true,
  onStorageError: true,
  storageTimeout: true,
  metrics: true,
}

/**
 * The options of `limiter.wait`, `schedule` and `permit`. A wait that cannot end within `timeout` is refused at once. When `signal`
 * aborts, what was reserved is given back.
 */
export interface LimiterWaitOptions extends CallOptions, WaitOptions {
  /**
   * The group of the call, a customer for example. In this process, the groups that wait for one key take turns: the first call of one
   * group does not wait behind all calls of another. Calls without a group are one group.
   * @default first come, first served
   */
  group?: string
}

/** What a block does with an earlier block of the key. */
export interface BlockOptions {
  /** True: this block holds, even when the key has a longer block already. @default false */
  replace?: boolean
}

export const BLOCK_OPTIONS: OptionTable<BlockOptions> = { replace: true }

export const LIMITER_WAIT_OPTIONS: OptionTable<LimiterWaitOptions> = {
  ...CALL_OPTIONS,
  timeout: true,
  signal: true,
  group: true,
}

/**
 * The answer to one call: whether it may go now, and if not, when.
 *
 * Every method takes a key (a user, an address, an upstream). Calls without a key use the key `''`.
 * A "no" is an answer, not an exception. Exceptions are for misuse: a key that is no string, a cost that is not a
 * finite number above 0 (`INVALID_OPTION`), or one that could never pass (`COST_TOO_LARGE`).
 */
export interface Limiter extends AsyncDisposable {
  readonly name: string
  /** The time it goes by, where it has one; what is composed of it goes by the same. */
  readonly clock?: Clock
  /** What it promises: one policy, or one for each limiter of a composite, in their order. */
  readonly policies?: readonly Policy[]

  /**
   * Takes the cost, 1 unless given, if the limit has room for it now. Returns a boolean, so `if (await limiter.acquire(key))` is safe.
   *
   * @param call the cost, or `{ cost, quota, class }`
   */
  acquire(key?: string, call?: number | CallOptions): Promise<boolean>
  /**
   * As {@link acquire}, and returns the whole decision: how much is left, and when the same call passes.
   *
   * @param call the cost, or `{ cost, quota, class }`
   */
  consume(key?: string, call?: number | CallOptions): Promise<Decision>
  /** What {@link consume} would answer. Changes nothing. */
  peek(key?: string, call?: number | CallOptions): Promise<Decision>
  /**
   * Waits until the limit has room for the cost, then takes it: first come, first served for each key.
   *
   * @throws OptionTypeError by the call itself, not by its promise, when an option has a name that is not known
   * @throws WaitTimeoutError (rejects) at once when the turn of the call comes after `timeout`, or when `timeout` is over
   * @throws (rejects) the reason of `signal` when it aborts
   */
  wait(key?: string, options?: LimiterWaitOptions): Promise<Decision>
  /**
   * Waits, then runs `fn` and returns its result. A limiter of calls at once gets its permit back when `fn` has ended.
   *
   * @throws as {@link wait}; what `fn` throws
   */
  schedule<T>(
    key: string,
    fn: (signal: AbortSignal) => T | Promise<T>,
    options?: LimiterWaitOptions,
  ): Promise<T>
  /**
   * Takes an estimate now, to be settled when it is known what was used. Resolves with `undefined` when the limit has no room for it (within
   * `timeout`). For token and leaky buckets, and composites of these.
   *
   * What is open, what was used and the estimate together never exceed the limit, however many reserve at once. A reservation
   * that is not settled ends at `ttl`. Time that passes until it is settled drains the estimate like all that was taken.
   *
   * @throws CostTooLargeError (rejects) when the estimate is more than the limit ever holds
   */
  reserve(key: string, estimate: number, options?: ReserveOptions): Promise<Reservation | undefined>
  /**
   * Reserves, runs `fn`, and charges the amount that `fn` has reported by `settle` or `used`; returns the result of `fn`. When `fn` throws, the
   * amount reported until then is charged, and at least `floor`. A function that reports nothing costs only `floor`, 0 unless given.
   *
   * @example
   * const answer = await limiter.spend('team-7', 1200, async (reservation) => {
   *   const reply = await ask(prompt)
   *   await reservation.settle(reply.usage.totalTokens)
   *   return reply
   * })
   *
   * @throws LimitExceededError (rejects) when the limit has no room for the estimate (within `timeout`)
   */
  spend<T>(
    key: string,
    estimate: number,
    fn: (reservation: Reservation) => T | Promise<T>,
    options?: ReserveOptions,
  ): Promise<T>
  /**
   * Gives tokens back. The limit never holds more than its maximum.
   *
   * @param call how many tokens, 1 unless given; for a call with a `quota`, `{ cost, quota }` with the same quota
   */
  release(key?: string, call?: number | CallOptions): Promise<void>
  /**
   * A call that took `cost` has ended: gives its permits back. Tokens stay used: time brings them back. {@link schedule} does this by itself;
   * call it where your work cannot be wrapped in a function.
   *
   * @param decision the decision that let the call pass: only what it took is given back. @default the call took its whole cost
   */
  leave?(key: string, cost: number, decision?: Decision): void
  /** Forgets what `key` has used, and ends its block. */
  reset(key?: string): Promise<void>
  /**
   * Denies all calls of `key` for `duration`, also when its limit has room; `Infinity` until {@link unblock}. A longer block that the key has already
   * stays, unless `replace` says otherwise.
   */
  block(key: string, duration: Duration, options?: BlockOptions): Promise<void>
  /** Ends the block of `key`. What was used stays used. */
  unblock(key: string): Promise<void>
  /** The counts since the limiter was made; with a key, also the state of that key. */
  getStats(key?: string): Promise<LimiterStats>
  /** Changes the numbers of the limit. What was used stays used. */
  reconfigure(quota: QuotaChange): Promise<void>
  /**
   * Asks a second limit, the candidate, about every call that this limiter decides, and counts where the two differ. The candidate denies
   * nothing, and has counts of its own. It gets the calls (a reservation with its estimate), and not what calls give back: so a limit of calls
   * at once cannot be a candidate.
   *
   * @example
   * const comparison = limiter.compare(LimiterFactory.tokenBucket({ rate: 50, per: '1m' }))
   * // later
   * console.log(comparison.stricter, comparison.keys.slice(0, 5))
   * comparison.end()
   */
  compare(candidate: Limiter): Comparison
  /** Listens; returns the way to stop listening. */
  on<Name extends keyof LimiterEvents>(
    event: Name,
    listener: Listener<LimiterEvents[Name]>,
  ): () => void
  /** Rejects all waiting calls, and later waits, with `CLOSED`. May be called twice. */
  close(): Promise<void>
}

/** A limiter that can answer at once, without a promise: one over memory. */
export interface LocalLimiter extends Limiter {
  /** {@link Limiter.acquire} at once. */
  allow(key?: string, call?: number | CallOptions): boolean
  /** {@link Limiter.consume} at once. */
  decide(key?: string, call?: number | CallOptions): Decision
}

/** True for a {@link LocalLimiter}. */
export function answersAtOnce(limiter: Limiter): limiter is LocalLimiter {
  return typeof (limiter as Partial<LocalLimiter>).allow === 'function'
}

/** True where a call may hold what it takes until it ends, so that time alone does not bring it back. */
export function lends(limiter: Limiter): boolean {
  return (limiter as { readonly lends?: boolean }).lends ?? limiter.leave !== undefined
}

/** A limiter of calls at once, over memory or over a storage outside this process. */
export interface PermitLimiter extends Limiter {
  /** Waits for permits, first come, first served. */
  permit(key?: string, options?: LimiterWaitOptions): Promise<Permit>
  /** Permits if they are free now; otherwise `undefined`. */
  tryPermit(
    key?: string,
    call?: number | CallOptions,
  ): Permit | undefined | Promise<Permit | undefined>
}

/** What a limiter has done since it was made, and how one key stands now. Times are seconds. */
export interface LimiterStats {
  name: string
  /** Calls let through, also calls that waited. */
  allowed: number
  /** Calls denied, and waits refused or given up. */
  denied: number
  /** Of a shadow: calls let through that would have been denied; `allowed` counts them too. */
  wouldDeny?: number
  /** Calls in line now. */
  waiting: number
  /** Keys that are remembered now. */
  keys: number
  /** Keys forgotten because there were more than the storage holds. */
  evicted: number
  /**
   * Calls let through of keys for which there was no place, since every one was taken by a key that has used up its limit.
   * Such keys share one state: a number above 0 says that the storage is too small, or under attack.
   */
  crowded: number
  /** The most the limit holds. */
  limit: number
  /** How much the key asked about has left. */
  remaining: number
  /** Seconds until nothing of what that key has used counts any more. */
  resetAfter: number
}

/** What of the statistics is about keys. */
export type KeyCounts = Pick<LimiterStats, 'keys' | 'evicted' | 'crowded'>

/** What `limiter.on` tells, by the name of the event. Times are seconds. */
export interface LimiterEvents {
  allowed: LimitedCall
  denied: LimitedCall & { retryAfter: number }
  waited: LimitedCall & { seconds: number }
  reconfigured: { limit: number }
  /** The storage could not be asked; the outage policy answered. */
  storageError: { error: Error }
  /** The storage answers again. */
  recovered: object
}

/** A call, as listeners are told of it: its key, its cost, and what else it has brought. */
export interface LimitedCall extends Omit<CallOptions, 'cost'> {
  key: string
  cost: number
}

export const LIMITER_EVENTS: OptionTable<LimiterEvents> = {
  allowed: true,
  denied: true,
  waited: true,
  reconfigured: true,
  storageError: true,
  recovered: true,
}
