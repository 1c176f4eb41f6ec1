/** The outcome of a call, as bits: a call may be both slow and failed. */
export type Outcome = number

export const GOOD: Outcome = 0
export const FAILED: Outcome = 1
export const SLOW: Outcome = 2
/** The caller cancelled the call, so it tells nothing about the other side. Never counted. */
export const NEUTRAL: Outcome = 4
/** An error that is no failure, by `expectedError` or `ignoredError`. The other side has answered, so the breaker counts a success. */
export const IGNORED: Outcome = 8
/** The bits that rates and probes count. */
export const COUNTED: Outcome = FAILED | SLOW
/** What statistics call `ignored`, unless the call was too slow: neither succeeded nor failed. */
export const NO_FAILURE: Outcome = NEUTRAL | IGNORED
