import type { Drain, Rule } from '../core/rule.ts'

/** Twice the capacity in fine ticks leaves a double enough bits for its arithmetic. */
const FINE_BITS = 44
/** Costs are written in decimals, so where a token is cut into so many ticks, or a multiple, they are whole numbers of ticks. */
const DECIMAL = 1e7
/** No token is cut into more fine ticks, unless the rule does. */
const FINEST = 2 ** 24

/** How many fine ticks make a token: at least half of the rule's own steps, which is as fine as its clock is. */
export function fineSteps({ capacity }: Rule, { steps }: Drain): number {
  const most = 2 ** FINE_BITS / capacity
  const doublings = Math.max(0, Math.ceil(Math.log2(steps / DECIMAL)))
  const decimal = DECIMAL * 2 ** doublings
  if (decimal <= most) return decimal
  if (doublings > 0) return decimal / 2
  return Math.max(steps, Math.min(FINEST, 2 ** Math.floor(Math.log2(most))))
}
