/** What a limit promises, for those who tell it to others: so much in so long, or so many at once. */
export interface Policy {
  /** The name of its limiter. */
  readonly name: string
  /** The most that can pass at once. */
  readonly limit: number
  /** Seconds in which `limit` comes back; `Infinity` where no time brings anything back. */
  readonly window: number
  /** Does what was used come back bit by bit, and not all at the end of a window? */
  readonly steady: boolean
  /** Is what was taken held until it is given back? Then the limit is on how many run at once. */
  readonly held: boolean
}
