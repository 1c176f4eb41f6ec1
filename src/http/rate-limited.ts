import type { Decision } from '../core/decision.ts'

/**
 * A request that a guard has judged, the context of Hono or Koa, or the event of h3. There the decision is also where middleware
 * of the framework puts its results: `c.get('rateLimit')`, `ctx.state.rateLimit`, `event.context.rateLimit`.
 */
export interface RateLimited {
  /** The decision about the request; of several guards, the tightest one. A shadow is the loosest. */
  rateLimit?: Decision
}

/** Puts the decision on the request, for handlers to read. */
export function noteDecision(source: object, decision: Decision): void {
  const one = source as RateLimited
  const before = one.rateLimit
  if (before !== undefined && !isTighter(decision, before)) return
  if (Object.isExtensible(source)) one.rateLimit = decision
}

function isTighter(one: Decision, other: Decision): boolean {
  if (one.shadow !== other.shadow) return other.shadow === true
  return one.allowed === other.allowed ? one.remaining < other.remaining : !one.allowed
}
