import { known, must, mustLie, number, options, positive, string } from '../../core/check.ts'
import { type Duration, toPositiveMicros } from '../../core/duration.ts'
import { OptionTypeError, quoted } from '../../core/errors.ts'
import { CALL_QUOTA_OPTIONS, type CallQuota, type Rule } from '../../core/rule.ts'
import type { CallOptions } from './call-options.ts'
import { NO_TERMS, type Terms } from './terms.ts'

/** The share of the limit, above 0 and up to 1, that each class of calls may fill. */
export type Classes = Readonly<Record<string, number>>

/** @throws OptionTypeError | OptionRangeError naming the class and its value */
export function checkedClasses(classes: Classes | undefined): Classes | undefined {
  if (classes === undefined) return undefined
  options('classes', classes)
  for (const [name, share] of Object.entries(classes)) {
    number(`classes.${name}`, share)
    mustLie(share > 0 && share <= 1, `classes.${name}`, 'be a share above 0 and up to 1', share)
  }
  return { ...classes }
}

/** What an unlimited call is judged by: a quota that nothing fills, to see whether the key is blocked. */
const VAST = 1e15
/** So many quotas are remembered; when there are more, all are read anew. */
const MOST_QUOTAS = 1000

interface KnownQuota {
  readonly per: Duration | undefined
  readonly burst: number | undefined
  readonly terms: Terms
}

/** Reads what calls bring to a limiter of one rule, and remembers it: plans are few. */
export class TermsReader {
  readonly #name: string
  readonly #classes: Classes | undefined
  /** True where quotas are taken. */
  readonly #quotas: boolean
  /** The rule that the terms below are made from. */
  #rule: Rule | undefined
  #byRate = new Map<number, KnownQuota[]>()
  #known = 0
  /** The quota of the last call. */
  #last: (KnownQuota & { quota: CallQuota; readonly rate: number }) | undefined
  #byClass = new Map<Rule, Map<string, Terms>>()

  /**
   * @param name of the limiter, for messages
   * @param quotas false where the limiter finds its numbers itself
   * @throws OptionTypeError when there are classes and the rule cannot be shared
   */
  constructor(name: string, rule: Rule, classes: Classes | undefined, quotas = true) {
    this.#name = name
    this.#classes = checkedClasses(classes)
    this.#quotas = quotas
    if (classes !== undefined && rule.shared === undefined) {
      throw new OptionTypeError(
        'classes',
        `classes are for token and leaky buckets and concurrency, got a limit of kind '${rule.kind}'`,
      )
    }
  }

  /** True where there is a class of this name. */
  knows(name: string): boolean {
    return this.#classes !== undefined && Object.hasOwn(this.#classes, name)
  }

  /** True where a limiter of this rule can be asked with a quota. */
  takesQuotas(rule: Rule): boolean {
    return rule.quoted !== undefined && this.#quotas
  }

  /** What `call` brings, or `undefined` where it brings nothing but a cost. */
  read(rule: Rule, { quota, class: name }: CallOptions): Terms | undefined {
    if (quota === undefined && name === undefined) return undefined
    if (rule !== this.#rule) this.#begin(rule)
    const terms = quota === undefined ? undefined : this.#quoted(rule, quota)
    if (name === undefined) return terms
    return this.#shared(terms?.rule ?? rule, name, terms)
  }

  /** Another rule has other shares. */
  #begin(rule: Rule): void {
    this.#rule = rule
    this.#last = undefined
    this.#byRate = new Map()
    this.#byClass = new Map()
    this.#known = 0
  }

  #quoted(rule: Rule, quota: CallQuota): Terms {
    if (typeof quota !== 'object' || quota === null) options('quota', quota)
    const { rate, per, burst } = quota
    const last = this.#last
    const same =
      last !== undefined && last.rate === rate && last.per === per && last.burst === burst
    // Plans are mostly constants.
    if (same && quota === last.quota) return last.terms
    options('quota', quota)
    for (const name in quota) {
      const isKnown = CALL_QUOTA_OPTIONS[name as keyof CallQuota] === true
      if (!isKnown) known('a quota', quota, CALL_QUOTA_OPTIONS)
    }
    if (same) {
      last.quota = quota
      return last.terms
    }
    const terms = this.#remembered(rule, quota)
    this.#last = { quota, rate, per, burst, terms }
    return terms
  }

  #remembered(rule: Rule, quota: CallQuota): Terms {
    const { rate, per, burst } = quota
    for (const one of this.#byRate.get(rate) ?? []) {
      if (one.per === per && one.burst === burst) return one.terms
    }
    const terms = this.#readQuota(rule, quota)
    if (this.#known >= MOST_QUOTAS) this.#begin(rule)
    const alike = this.#byRate.get(rate) ?? []
    alike.push({ per, burst, terms })
    this.#byRate.set(rate, alike)
    this.#known += 1
    return terms
  }

  #readQuota(rule: Rule, quota: CallQuota): Terms {
    if (rule.quoted === undefined || !this.takesQuotas(rule)) {
      const what = `quota is for token and leaky buckets and windows, and cannot be given to ${quoted(this.#name)}`
      throw new OptionTypeError('quota', what)
    }
    const { rate, per, burst } = quota
    number('quota.rate', rate)
    mustLie(rate >= 0, 'quota.rate', 'be a number of at least 0', rate)
    if (per !== undefined) toPositiveMicros('quota.per', per)
    // What is closed may say so twice, and so may what is unlimited.
    const bare = burst === rate && (rate === 0 || rate === Infinity)
    if (burst !== undefined && !bare) positive('quota.burst', burst)
    if (rate > 0 && rate < Infinity) return termsOf(rule.quoted(quota), { quota })
    const bound = rate === 0 ? 'closed' : 'unlimited'
    // The other numbers are checked too.
    rule.quoted({ ...quota, rate: 1, ...(bare && { burst: 1 }) })
    return termsOf(rule.quoted({ rate: VAST }), { quota }, 1, bound)
  }

  #shared(rule: Rule, name: string, quoted: Terms | undefined): Terms {
    string('class', name)
    let classes = this.#byClass.get(rule)
    const known = classes?.get(name)
    if (known !== undefined) return known
    const share = this.#shareOf(name)
    const bound = quoted?.bound ?? 'counted'
    const brought = { ...quoted?.brought, class: name }
    const shared = bound === 'counted' && share < 1 ? rule.shared?.(share) : quoted?.rule
    const terms = termsOf(shared, brought, share, bound)
    if (classes === undefined) {
      classes = new Map()
      this.#byClass.set(rule, classes)
    }
    classes.set(name, terms)
    return terms
  }

  #shareOf(name: string): number {
    must(this.#classes !== undefined, 'class', `not be given: ${this.#name} has no classes`, name)
    const choices = Object.keys(this.#classes)
    const what = `be one of ${choices.map((one) => `'${one}'`).join(', ')}`
    mustLie(this.knows(name), 'class', what, name)
    return this.#classes[name] as number
  }
}

/** @param rule `undefined` for the limiter's own: a call that waits goes by the numbers that this has then */
function termsOf(
  rule: Rule | undefined,
  brought: CallOptions,
  share = 1,
  bound: Terms['bound'] = 'counted',
): Terms {
  return { ...NO_TERMS, share, rule, bound, brought }
}
