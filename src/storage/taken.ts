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

/** What the rule can do for reservations. Callers have checked that it can. */
export function holdsOf(rule: Rule): Holds {
  return rule.holds as Holds
}
