import type { OptionTable } from '../core/check.ts'

/**
 * What a circuit breaker does with calls: lets them through (`closed`), refuses them (`open`), tries a few (`half_open`), or
 * refuses them until `isolate` ends (`isolated`).
 */
export type BreakerState = 'closed' | 'open' | 'half_open' | 'isolated'

/** Options of one call through a {@link CircuitBreaker}. */
export interface BreakerCallOptions<T> {
  /** Handed to the function. A call that ends in an error after it aborted is neither a success nor a failure. */
  signal?: AbortSignal
  /**
   * Returns the result in place of an error: of the rejection by the breaker, or of the error that the function threw. Not called
   * when `signal` has aborted.
   */
  fallback?: (error: unknown) => T | PromiseLike<T>
}

export const BREAKER_CALL_OPTIONS: OptionTable<BreakerCallOptions<unknown>> = {
  signal: true,
  fallback: true,
}

/** Counts since the start; every admitted call ends in exactly one of succeeded, failed, ignored and stale. */
export interface BreakerStats {
  name: string
  state: BreakerState
  /** Seconds until a call may pass: 0 when it may now, `Infinity` while isolated. */
  retryAfter: number
  /** Calls let through. */
  admitted: number
  succeeded: number
  /** Calls that threw an error that counts, returned a failed result, or were too slow where that fails. */
  failed: number
  /** How many of the calls were slow. */
  slow: number
  /** Calls that ended in an error that is no failure (the rates count a success), or were cancelled by the caller. */
  ignored: number
  /** Calls that ended in a later state than they began in, and so were not counted. */
  stale: number
  /** Calls that have not ended. */
  running: number
  /** Calls not let through. */
  refused: number
  /** How many times it has opened. */
  opened: number
  /** Failures since the last success, while closed. */
  failuresInARow: number
  /** Probes of a half-open breaker: how many have succeeded, and how many must succeed to close it. */
  probes: { passed: number; needed: number }
  /** The calls that the rates are computed from now; zeros where no rate is set. */
  window: { calls: number; failed: number; slow: number }
}

/** A change of the state of a breaker, told by {@link CircuitBreaker.changes}. */
export interface BreakerChange {
  /** The state that began. `open` after `half_open` means that a probe failed. */
  state: BreakerState
  /** How many seconds ago. */
  ago: number
  /** For how many seconds it opened. */
  retryAfter?: number
  /** How many times it has opened without closing. */
  trips?: number
  /** The error that opened the breaker: its code or name, and its message. Absent when a result or a slow call opened it. */
  error?: string
  /**
   * How many calls of the window had failed when it opened, with `failureRate` or `slowCallRate`; otherwise how many failures in
   * a row.
   */
  calls?: number
  failed?: number
  /** How many seconds the probe took that opened it again. */
  took?: number
}

/** The state of a breaker, as plain JSON. */
export interface BreakerSnapshot {
  state: BreakerState
  /** How many times it has opened without closing. */
  trips: number
  /** The rest of the time that the breaker stays open, in seconds. */
  retryAfter: number
  /** Probes that have succeeded. */
  passed: number
  /** Failures since the last success, while closed. A snapshot of an earlier version has none, and means 0. */
  failuresInARow?: number
}

export const BREAKER_SNAPSHOT: OptionTable<BreakerSnapshot> = {
  state: true,
  trips: true,
  retryAfter: true,
  passed: true,
  failuresInARow: true,
}

/** One call that has ended. */
export interface BreakerCall {
  name: string
  /** How long the call took; `undefined` for a call that began before there was a listener. */
  seconds: number | undefined
  slow: boolean
  /** True when the call began in an earlier state, and was not counted. */
  stale: boolean
}

/** The events of `breaker.on`, by name. */
export interface BreakerEvents {
  success: BreakerCall
  /** `error` is undefined when the function returned: its result was a failure, or the call was too slow. */
  failure: BreakerCall & { error: unknown }
  ignored: BreakerCall & { error: unknown }
  refused: { name: string; retryAfter: number }
  /** `trips`: how many times it has opened without closing. */
  open: { name: string; retryAfter: number; trips: number; error: unknown }
  half_open: { name: string }
  close: { name: string }
  isolated: { name: string }
  /** A probe hung for longer than its lease and has lost its place. */
  probeLost: { name: string }
}

export const BREAKER_EVENTS: OptionTable<BreakerEvents> = {
  success: true,
  failure: true,
  ignored: true,
  refused: true,
  open: true,
  half_open: true,
  close: true,
  isolated: true,
  probeLost: true,
}
