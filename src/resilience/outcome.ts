/** What a call says about the other side: bits that add up, so a call may be slow and failed. */
export type Outcome = number

export const GOOD: Outcome = 0
export const FAILED: Outcome = 1
export const SLOW: Outcome = 2
/** Says nothing about the other side: the caller cancelled the call. Never counted. */
export const NEUTRAL: Outcome = 4
/** An error that is no failure, by `expectedError` or `ignoredError`. The other side has answered, so the breaker counts a success. */
export const IGNORED: Outcome = 8
/** What the rates and the probes are told. */
export const COUNTED: Outcome = FAILED | SLOW
/** What statistics call `ignored`, unless the call was too slow: neither succeeded nor failed. */
export const NO_FAILURE: Outcome = NEUTRAL | IGNORED
