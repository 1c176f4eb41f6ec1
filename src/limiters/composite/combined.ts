import { between } from '../../core/check.ts'
import type { Decision } from '../../core/decision.ts'
import { OptionTypeError } from '../../core/errors.ts'
import type { Policy } from '../../core/policy.ts'
import type { Limiter } from '../limiter.ts'
import { untold } from '../policy-of.ts'

/** What each member is charged where `actual` was used. */
export function actualsOf(
  members: readonly { readonly costOf: ((cost: number) => number) | undefined }[],
  actual: number,
): number[] {
  return members.map(({ costOf }) => (costOf === undefined ? actual : checkedPrice(costOf(actual))))
}

/** What a part's `cost` has answered: a number of at least 0. Whether the limit of the part ever holds it is asked once, of the whole. */
export function checkedPrice(price: number): number {
  return between('cost', price, 0, Number.MAX_VALUE)
}

/** The numbers of several decisions as those of one: what is tightest counts. */
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

/** What the limiters of a composite promise, in their order. */
export function policiesOf(members: readonly { limiter: Limiter }[]): Policy[] {
  return members.flatMap(({ limiter }) => limiter.policies ?? [untold(limiter.name)])
}

export function compositeName(members: readonly { limiter: { name: string } }[]): string {
  return `composite(${members.map(({ limiter }) => limiter.name).join(', ')})`
}

export function noQuota(): OptionTypeError {
  return new OptionTypeError(
    'quota',
    'a composite has no quota of its own: reconfigure one of its limiters',
  )
}
