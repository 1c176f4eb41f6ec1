import type { Decision } from '../../core/decision.ts'
import { OptionTypeError } from '../../core/errors.ts'

/** One decision made of several: the tightest numbers count. */
export function combined(
  decisions: readonly Decision[],
): Pick<Decision, 'limit' | 'remaining' | 'resetAfter'> {
  let limit = Infinity
  let remaining = Infinity
  let resetAfter = 0
  for (const decision of decisions) {
    if (decision.remaining < remaining) {
      limit = decision.limit
      remaining = decision.remaining
    }
    resetAfter = Math.max(resetAfter, decision.resetAfter)
  }
  return { limit, remaining, resetAfter }
}

export function noQuota(): OptionTypeError {
  return new OptionTypeError(
    'quota',
    'a composite has no quota of its own: reconfigure one of its limiters',
  )
}
