import type { Rule } from '../../core/rule.ts'
import type { Limiter } from '../../limiters/limiter.ts'
import type { QuotaState } from '../state.ts'

/** The rule of a limiter with one rule. Composites and limiters of other packages have none. */
export function ruleOf(limiter: Limiter): Rule | undefined {
  // A limiter with one rule has the ledger that it asks, in memory or in an external storage.
  const { ledger } = limiter as { ledger?: { rule?: Rule } }
  return typeof ledger?.rule?.with === 'function' ? ledger.rule : undefined
}

/** True when the limiter asks an external storage. */
export function isRemote(limiter: Limiter): boolean {
  return typeof (limiter as { allow?: unknown }).allow !== 'function'
}

/** The kind of the limit. */
export function kindOf(limiter: Limiter): string {
  if ('currentRate' in limiter) return 'adaptive'
  if ('currentLimit' in limiter) return 'adaptive-concurrency'
  const rule = ruleOf(limiter)
  if (rule !== undefined) return rule.kind === 'permits' ? 'concurrency' : rule.kind
  const policies = limiter.policies ?? []
  if (policies.length > 1) return 'composite'
  return policies[0]?.held === true ? 'concurrency' : 'limiter'
}

/** True when the limiter finds its numbers itself: then they cannot be changed from outside. */
export function adapts(limiter: Limiter): boolean {
  return 'currentRate' in limiter || 'currentLimit' in limiter
}

/** The numbers of a limit as users write them, in seconds. */
export function quotaOf(limiter: Limiter): QuotaState | undefined {
  const rule = ruleOf(limiter)
  if (rule === undefined) {
    const { policies = [] } = limiter
    return policies.length === 1 && policies[0]?.held ? { limit: policies[0].limit } : undefined
  }
  const { params, capacity, span } = rule
  const interval = rule.drain?.interval
  if (interval !== undefined) {
    // A bucket keeps only its pace: 100 a minute are 5 in 3 s. The first unit in which the rate is a whole number is shown.
    const whole = UNITS.find((each) => isWhole((each * 1e6) / interval))
    const seconds = whole ?? UNITS.find((each) => (each * 1e6) / interval >= 1) ?? interval / 1e6
    const most = rule.kind === 'leaky-bucket' ? { capacity } : { burst: capacity }
    return { rate: tidy((seconds * 1e6) / interval), per: seconds, ...most }
  }
  const { calendar } = rule as { calendar?: { align: string } }
  if (calendar !== undefined) return { rate: capacity, align: calendar.align }
  if (rule.held === true || params['limit'] !== undefined) return { limit: capacity }
  return { rate: params['rate'] ?? capacity, per: (params['per'] ?? span) / 1e6 }
}

/** Seconds. */
const UNITS = [1, 60, 3600, 86_400]

function isWhole(rate: number): boolean {
  return rate >= 0.999 && Math.abs(rate - Math.round(rate)) < 1e-4 * rate
}

function tidy(value: number): number {
  return Number(value.toPrecision(4))
}
