/** How a second limit compares with the real one, on the same calls. */
export interface Comparison {
  /** Calls on which both say the same. */
  readonly agree: number
  /** Calls that passed, and that the candidate would have denied. */
  readonly stricter: number
  /** Calls that were denied, and that the candidate would have let through. */
  readonly looser: number
  /** Calls that the candidate could not be asked about. */
  readonly failed: number
  /** The keys that the candidate would hit hardest, worst first: how many of their calls that passed it would have denied. */
  readonly keys: readonly { readonly key: string; readonly stricter: number }[]
  /** Ends the comparison; the figures stay. */
  end(): void
}
