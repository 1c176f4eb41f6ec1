/** A call that was granted, at some moment between these two; in milliseconds of the machine's monotonic clock. */
export interface Grant {
  readonly sent: number
  readonly received: number
}

/**
 * The most by which the grants of any stretch of time exceed what `allowed` says for its length. Counted are those that
 * were certainly granted within the stretch, so a result above 0 is a proof that too many were.
 */
export function worstExcess(grants: readonly Grant[], allowed: (ms: number) => number): number {
  const byReply = [...grants].sort((a, b) => a.received - b.received)
  let worst = -Infinity
  for (const { sent: start } of grants) {
    let count = 0
    for (const { sent, received } of byReply) {
      if (sent < start) continue
      count += 1
      worst = Math.max(worst, count - allowed(received - start))
    }
  }
  return worst
}

/** What a limit lets through in any stretch of time. */
export const bounds = {
  /** Token and leaky bucket. */
  bucket: (burst: number, perSecond: number) => (ms: number) => burst + (perSecond * ms) / 1000,
  sliding: (rate: number, per: number) => (ms: number) => rate * (Math.floor(ms / per) + 1),
  /** From the first call of a fresh key on. */
  fixedFromStart: (rate: number, per: number) => (ms: number) => rate * (Math.floor(ms / per) + 1),
  /** Anywhere: a stretch may touch one window more. */
  fixed: (rate: number, per: number) => (ms: number) => rate * (Math.floor(ms / per) + 2),
}
