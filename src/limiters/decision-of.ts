import type { Decision } from '../core/decision.ts'
import type { Micros } from '../core/duration.ts'
import type { Verdict } from '../core/storage.ts'

/** What a verdict means for who asked. */
export function decisionOf(verdict: Verdict, limit: number, cost: number): Decision {
  const { wait, remaining, idleAfter } = verdict
  const left = Math.floor(remaining)
  const retryAfter = wait >= 0 ? 0 : seconds(-wait)
  return {
    allowed: wait >= 0,
    limit,
    // Denied with enough left: the key is blocked, and has nothing to spend.
    remaining: wait < 0 && left >= cost ? 0 : left,
    retryAfter,
    resetAfter: Math.max(retryAfter, seconds(Math.ceil(idleAfter))),
    cost,
  }
}

/** Microseconds as seconds; a time that nobody can tell is 0. */
export function seconds(micros: Micros): number {
  return micros === Infinity ? 0 : micros / 1e6
}
