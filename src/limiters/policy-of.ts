import type { Policy } from '../core/policy.ts'
import type { Rule } from '../core/rule.ts'

const known = new WeakMap<Rule, Policy>()

/** What a rule promises under a name. The same object as long as the rule is the same. */
export function policyOf(name: string, rule: Rule): Policy {
  const before = known.get(rule)
  if (before?.name === name) return before
  const policy = {
    name,
    limit: rule.capacity,
    window: rule.held ? Infinity : (rule.window ?? rule.span) / 1e6,
    steady: rule.drain !== undefined,
    held: rule.held === true,
  }
  known.set(rule, policy)
  return policy
}

/** The policy of a limiter that does not tell its own. */
export function untold(name: string): Policy {
  return { name, limit: Infinity, window: Infinity, steady: false, held: false }
}
