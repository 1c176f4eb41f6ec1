/** Between which the limiters of the adapters may learn, and from where. */
export const RATES = { initialRate: 150, minRate: 20, maxRate: 1000 } as const
export const LIMITS = { initialLimit: 4, minLimit: 2, maxLimit: 100 } as const
/** Milliseconds that a permit lasts whose process is dead. */
export const TTL = 1_000
