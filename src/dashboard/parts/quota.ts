import type { Rule } from '../../core/rule.ts'
import type { Limiter } from '../../limiters/limiter.ts'
import type { QuotaState } from '../state.ts'

/** The one rule of a limiter, where one rule decides. Composites and limiters of another origin have none. */
export function ruleOf(limiter: Limiter): Rule | undefined {
  // Limiters over a rule carry the ledger they ask: of memory, or of a storage elsewhere.
  const { ledger } = limiter as { ledger?: { rule?: Rule } }
  return typeof ledger?.rule?.with === 'function' ? ledger.rule : undefined
}

/** Does the limiter ask a storage elsewhere? */
export function isRemote(limiter: Limiter): boolean {
  return typeof (limiter as { allow?: unknown }).allow !== 'function'
}

/** What kind of limit it is. */
export function kindOf(limiter: Limiter): string {
  const rule = ruleOf(limiter)
  if (rule !== undefined) return rule.kind === 'permits' ? 'concurrency' : rule.kind
  if ('currentRate' in limiter) return 'adaptive'
  const policies = limiter.policies ?? []
  if (policies.length > 1) return 'composite'
  return policies[0]?.held === true ? 'concurrency' : 'limiter'
}

/** The numbers of a limit as users wrote them. Seconds. */
export function quotaOf(limiter: Limiter): QuotaState | undefined {
  const rule = ruleOf(limiter)
  if (rule === undefined) {
    const { policies = [] } = limiter
    return policies.length === 1 && policies[0]?.held ? { limit: policies[0].limit } : undefined
  }
  const { params, capacity, span } = rule
  const interval = rule.drain?.interval
  if (interval !== undefined) {
    // A rate and a span are not kept apart: one of 100 a minute is one of 5 in 3 s. The most natural of them is told.
    const per = [1, 60, 3600, 86_400].find((each) => (each * 1e6) / interval >= 0.999)
    const seconds = per ?? interval / 1e6
    return { rate: tidy((seconds * 1e6) / interval), per: seconds, burst: capacity }
  }
  if (rule.held === true || params['limit'] !== undefined) return { limit: capacity }
  return { rate: params['rate'] ?? capacity, per: (params['per'] ?? span) / 1e6 }
}

function tidy(value: number): number {
  return Number(value.toPrecision(6))
}
