import type { Decision } from '../core/decision.ts'
import type { Micros } from '../core/duration.ts'
import { FOREVER } from '../core/rule.ts'
import type { Verdict } from '../core/storage.ts'
import type { Terms } from './calls/terms.ts'

/** The decision for the caller, from the verdict of a ledger. */
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

/** What the verdict means for a call that brought `terms`. */
export function decisionUnder(
  terms: Terms | undefined,
  verdict: Verdict,
  limit: number,
  cost: number,
): Decision {
  if (terms === undefined) return decisionOf(verdict, limit, cost)
  if (terms.bound === 'closed') return decisionOf(CLOSED, 0, cost)
  const own = terms.rule?.capacity ?? limit
  if (terms.bound === 'counted') return decisionOf(verdict, own, cost)
  const remaining = verdict.wait < 0 ? 0 : Infinity
  return decisionOf({ wait: verdict.wait, remaining, idleAfter: 0 }, Infinity, cost)
}

/** The verdict on every call with a quota of 0. */
export const CLOSED: Verdict = { wait: -FOREVER, remaining: 0, idleAfter: 0 }

/** Times from here on never come: no call waits for so long. */
const NEVER: Micros = FOREVER / 2

/** Microseconds as seconds; an unknown time is 0, and one that never comes `Infinity`. */
export function seconds(micros: Micros): number {
  if (micros < NEVER) return micros / 1e6
  return micros === Infinity ? 0 : Infinity
}
