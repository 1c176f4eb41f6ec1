import type { Decision } from '../core/decision.ts'

/**
 * True when a call of this cost took the cost from the limit. A call that was let through by an outage, a shadow or a plan without a limit
 * took nothing, so nothing is given back for it.
 */
export function took({ allowed, limit, uncounted, wouldDeny }: Decision, cost: number): boolean {
  return allowed && !uncounted && !wouldDeny && cost > 0 && limit < Infinity
}
