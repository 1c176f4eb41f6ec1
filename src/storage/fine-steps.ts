import type { Drain, Rule } from '../core/rule.ts'

/** Twice the capacity in fine ticks leaves a double enough bits for its arithmetic. */
const FINE_BITS = 44
/** Costs are written in decimals, so where a token is cut into a power of ten they are whole numbers of ticks. */
const DECIMAL = 1e7
/** No token is cut into more fine ticks, unless the rule does. */
const FINEST = 2 ** 24

/** How many fine ticks make a token: never fewer than the rule's own steps. */
export function fineSteps({ capacity }: Rule, { steps }: Drain): number {
  const most = 2 ** FINE_BITS / capacity
  const decimal = Math.max(DECIMAL, 10 ** Math.ceil(Math.log10(steps)))
  if (decimal <= most) return decimal
  return Math.max(steps, Math.min(FINEST, 2 ** Math.floor(Math.log2(most))))
}
