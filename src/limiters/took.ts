import type { Decision } from '../core/decision.ts'

/**
 * Did a call of this cost take it from the limit? What an outage, a shadow or a plan without a limit let through took nothing, so
 * there is nothing to give back.
 */
export function took({ allowed, limit, uncounted, wouldDeny }: Decision, cost: number): boolean {
  return allowed && !uncounted && !wouldDeny && cost > 0 && limit < Infinity
}
