import type { Drain, Rule } from '../core/rule.ts'

/** Twice the capacity in fine ticks, as a power of two, leaves a double enough bits for its arithmetic. */
const FINE_BITS = 44
/** No token is cut into more fine ticks. */
const FINEST = 2 ** 24

/** How many fine ticks make a token: a power of two too, and never fewer than the rule's own steps. */
export function fineSteps({ capacity }: Rule, { steps }: Drain): number {
  const fitting = 2 ** Math.floor(FINE_BITS - Math.log2(capacity))
  return Math.max(steps, Math.min(FINEST, fitting))
}
