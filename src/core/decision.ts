/** What a limiter answers. Times are in seconds. */
export interface Decision {
  /** True when the call may go ahead. */
  readonly allowed: boolean
  /** The most the limit holds: what `remaining` is out of. */
  readonly limit: number
  /** How much is left after this decision, rounded down. */
  readonly remaining: number
  /** Seconds until the same call can pass: exact, rounded up to a microsecond; 0 when it was allowed. */
  readonly retryAfter: number
  /** Seconds until nothing of what was used counts any more. */
  readonly resetAfter: number
  /** What was asked for. */
  readonly cost: number
  /** In a composite: the name of the first limiter that said no. */
  readonly deniedBy?: string
  /** The storage could not be asked; the limiter's outage policy answered. */
  readonly degraded?: true
  /** The outage policy answered, and nothing was counted. */
  readonly uncounted?: true
  /** The limiter only tells what it would do, and denies nothing. */
  readonly shadow?: true
  /** Only for a shadow: true when the limit would have denied the call. */
  readonly wouldDeny?: boolean
  /** In a composite: how each of its limiters stands after this decision, in their order. */
  readonly parts?: readonly Decision[]
}
