/** What a limit promises, in numbers: so much in so long, or so many at once. For header fields and the dashboard. */
export interface Policy {
  /** The name of its limiter. */
  readonly name: string
  /** The most that can pass at once. */
  readonly limit: number
  /** Seconds in which `limit` comes back; `Infinity` where no time brings anything back. */
  readonly window: number
  /** True when the used part comes back bit by bit, and not all at the end of a window. */
  readonly steady: boolean
  /** True when what was taken is held until it is given back: the limit is on how many run at once. */
  readonly held: boolean
}
