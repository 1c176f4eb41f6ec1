import type { Decision } from '../core/decision.ts'
import type { Policy } from '../core/policy.ts'
import { sfInteger, sfString } from './write-structured-field.ts'

/**
 * Which fields tell the caller how it stands: the fields of draft-ietf-httpapi-ratelimit-headers (`RateLimit-Policy` and
 * `RateLimit`, written alike from draft 8 to draft 11, so all these names mean the same), the `X-RateLimit-*` of old, or
 * none.
 */
export type HeaderStyle = 'draft-8' | 'draft-9' | 'draft-10' | 'draft-11' | 'legacy' | false

/** Name and value of a header field. */
export type Field = readonly [name: string, value: string]

/** How long until a refused caller may come again, in whole seconds: rounded up, never 0. */
export function retryAfter(decision: Decision): number {
  return Math.max(1, wholeSeconds(decision.retryAfter))
}

/** What the policies of a limiter are called in fields, and the field that never changes while they do not. */
export class Announcement {
  readonly policies: readonly Policy[]
  /** A name for each policy that no other has. */
  readonly names: readonly string[]
  /**
   * `RateLimit-Policy`: what is promised, the same on every response. The window of a bucket is the time in which it fills;
   * one of less than a second cannot be told, and is left out.
   */
  readonly field: string
  readonly #quoted: readonly string[]

  constructor(policies: readonly Policy[]) {
    this.policies = policies
    const names: string[] = []
    for (const { name } of policies) {
      let own = name
      for (let n = 2; names.includes(own); n++) own = `${name}-${n}`
      names.push(own)
    }
    this.names = names
    const quoted = names.map(sfString)
    this.#quoted = quoted
    this.field = policies
      .map((policy, i) => (policy.limit < Infinity ? quoted[i] + parameters(policy) : ''))
      .filter(Boolean)
      .join(', ')
  }

  /** True when the fields were made for exactly these policies. */
  fits(policies: readonly Policy[]): boolean {
    return (
      policies.length === this.policies.length &&
      policies.every((policy, i) => policy === this.policies[i])
    )
  }

  /**
   * `RateLimit`: how much is left, `r`, and the seconds until there is more, `t`. What no count stands behind is not told.
   *
   * @param parts the decision of each policy
   * @param after what `Retry-After` says beside it: nothing later may be told then
   */
  limits(parts: readonly Decision[], after: number = Infinity): string {
    let field = ''
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as Decision
      if (part.uncounted || part.remaining === Infinity) continue
      const more = untilMore(this.policies[i] as Policy, part)
      const t = more > 0 && more <= after && more < Infinity ? `;t=${sfInteger(more)}` : ''
      field += `${field === '' ? '' : ', '}${this.#quoted[i]};r=${sfInteger(part.remaining)}${t}`
    }
    return field
  }
}

function parameters({ limit, window, held }: Policy): string {
  const unit = held ? ';qu="concurrent-requests"' : ''
  const time = window >= 1 && window < Infinity ? `;w=${sfInteger(wholeSeconds(window))}` : ''
  return `;q=${sfInteger(Math.floor(limit))}${unit}${time}`
}

/** The older `X-RateLimit-*` fields: of the tightest limit, with the moment of its reset in seconds since 1970. */
export function legacyFields(decision: Decision, now: number): Field[] {
  const { limit, remaining, resetAfter } = decision
  return [
    ['X-RateLimit-Limit', String(Math.floor(limit))],
    ['X-RateLimit-Remaining', String(remaining)],
    ...resetField(now, resetAfter),
  ]
}

/** Whole seconds until more is left than now; 0 when nothing is used, or when it is not known. */
function untilMore(policy: Policy, decision: Decision): number {
  const { allowed, remaining, resetAfter } = decision
  if (!allowed) return wholeSeconds(decision.retryAfter)
  if (policy.held) return 0
  if (!policy.steady) return wholeSeconds(resetAfter)
  const later = Math.max(0, policy.limit - remaining - 1) * (policy.window / policy.limit)
  return wholeSeconds(resetAfter - later)
}

function wholeSeconds(seconds: number): number {
  // Less than a microsecond is what sums of fractions are off by.
  return Math.max(0, Math.ceil(seconds - 1e-6))
}

/** None where nothing resets it. */
function resetField(now: number, resetAfter: number): Field[] {
  const reset = Math.ceil(now / 1000 + resetAfter)
  return reset < Infinity ? [['X-RateLimit-Reset', String(reset)]] : []
}
