/** What a call says about the other side: bits that add up, so a call may be slow and failed. */
export type Outcome = number

export const GOOD: Outcome = 0
export const FAILED: Outcome = 1
export const SLOW: Outcome = 2
/** Says nothing: cancelled by its caller, or an error that is not the other side's. Never counted. */
export const NEUTRAL: Outcome = 4
