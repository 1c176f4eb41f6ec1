import type { Micros } from '../core/duration.ts'
import type { Holds, Rule, State } from '../core/rule.ts'
import type { Hold } from '../core/storage.ts'

/** Takes by a rule: what is to be settled, where there is a reservation. */
export function taken(
  rule: Rule,
  state: State,
  now: Micros,
  cost: number,
  maxWait: Micros,
  hold: Hold | undefined,
): Micros {
  return hold === undefined
    ? rule.reserve(state, now, cost, maxWait)
    : holdsOf(rule).hold(state, now, cost, maxWait, hold.id, hold.ttl)
}

/**
 * The verdict on a call whose key is blocked for `left` more. One that does not wait hears when it passes, which may be long after the block;
 * one that waits asks again when the block is over.
 *
 * @param verdict what the limit says to it now
 */
export function blockedFor(left: Micros, verdict: Micros, maxWait: Micros): Micros {
  const later = maxWait > 0 || verdict === -Infinity || -verdict < left
  return later ? -left : verdict
}

/** What the rule can do for reservations. Callers have checked that it can. */
export function holdsOf(rule: Rule): Holds {
  return rule.holds as Holds
}
