import type { Micros } from '../core/duration.ts'
import type { Rule, State } from '../core/rule.ts'

/**
 * When `cost` would have its turn behind `ahead` waiting, by a `state` that may be written over.
 *
 * Each full capacity in line takes one span, whatever the rule; the rest of the line is played through.
 */
export function forecast(
  rule: Rule,
  state: State,
  now: Micros,
  ahead: number,
  cost: number,
): Micros {
  // Where time frees nothing, it cannot tell when a place comes free.
  if (rule.span === Infinity && ahead > 0) return -Infinity
  const spans = Math.floor(ahead / rule.capacity)
  const rest = ahead - spans * rule.capacity
  if (rest > 0) rule.reserve(state, now, rest, Infinity)
  const wait = rule.reserve(state, now, cost, Infinity)
  return spans === 0 ? wait : spans * rule.span + wait
}
