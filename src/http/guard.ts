import { systemClock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { checkCall } from '../limiters/calls/arguments.ts'
import type { CallOptions } from '../limiters/calls/call-options.ts'
import type { Terms } from '../limiters/calls/terms.ts'
import { combined } from '../limiters/composite/combined.ts'
import { answersAtOnce, type Limiter, type LocalLimiter } from '../limiters/limiter.ts'
import { untold } from '../limiters/policy-of.ts'
import { took } from '../limiters/took.ts'
import { type Awaitable, after } from './awaitable.ts'
import { Announcement, type Field, legacyFields, retryAfter } from './fields.ts'
import type { GuardSettings } from './guard-options.ts'
import { HeldPermits } from './held-permits.ts'
import { noteDecision } from './rate-limited.ts'
import { quotaExceeded, type Refusal, reducedCapacity } from './refusal.ts'
import { latencyReporter } from './report-latency.ts'
import {
  type Composed,
  type GuardArguments,
  isComposed,
  isQuoted,
  type Leaf,
  leavesOf,
  type RequestTerms,
  readsRequests,
  requestTerms,
  termsOfRequest,
} from './request-terms.ts'

/** What came of a request that was counted. */
export interface Judgement {
  readonly decision: Decision
  /** The fields to send to the caller, whether the request passes or not. */
  readonly fields: readonly Field[]
  /** The answer to a denied request. */
  readonly refusal: Refusal | undefined
  /**
   * To be called when the response has ended, once or more often, with its status, `undefined` where none was sent; only where a
   * limit is on how many run at once, or the outcome counts.
   */
  readonly leave: ((status: number | undefined) => void) | undefined
}

/**
 * Judges requests by one limiter: the part that all frameworks share. A limiter in memory is asked at once.
 */
export class Guard {
  readonly #limiter: Limiter
  readonly #local: LocalLimiter | undefined
  /** The limiter, where it is a composite whose parts read the request. */
  readonly #apart: Composed | undefined
  readonly #settings: GuardSettings
  /** Where the limiter is on how many run at once. */
  readonly #holds: HeldPermits | undefined
  #announcement = new Announcement([])

  constructor(limiter: Limiter, settings: GuardSettings) {
    if (typeof limiter?.consume !== 'function') {
      throw new OptionTypeError('limiter', `limiter must be a limiter, got ${describe(limiter)}`)
    }
    this.#limiter = limiter
    this.#local = answersAtOnce(limiter) ? limiter : undefined
    this.#apart = readsRequests(limiter) ? limiter : undefined
    this.#settings = settings
    const held = limiter.policies?.some((policy) => policy.held) ?? false
    this.#holds = held ? new HeldPermits(limiter.clock ?? systemClock, settings.maxHold) : undefined
  }

  /**
   * What the limiter says of a request; at once where it answers at once.
   *
   * @param brought what the request brings beside its cost
   */
  judge(
    by: GuardArguments,
    key: string,
    cost: number,
    brought: CallOptions | undefined,
  ): Awaitable<Judgement> {
    this.#holds?.sweep()
    const call = brought === undefined ? cost : { ...brought, cost }
    const limiter = this.#limiter
    if (this.#apart !== undefined) {
      return after(requestTerms(limiter, key, cost, by), (whole) => this.#askApart(whole, by, call))
    }
    const judge = (decision: Decision) => {
      const leaves = () => {
        const terms = brought && isComposed(limiter) ? limiter.termsOf(brought) : undefined
        return leavesOf(
          requestTerms(limiter, key, cost, by) as RequestTerms,
          terms?.members,
          brought,
        )
      }
      return this.#judgement(leaves, by, decision, brought !== undefined)
    }
    if (this.#local !== undefined) return judge(this.#local.decide(key, call))
    return limiter.consume(key, call).then(judge)
  }

  /** Asks a composite each of whose members has a key and a cost for this request. */
  #askApart(
    whole: RequestTerms,
    by: GuardArguments,
    call: number | CallOptions,
  ): Awaitable<Judgement> {
    const composite = this.#apart as Composed
    const { key, cost } = whole
    checkCall(key, cost, Number.MAX_VALUE)
    // The parts' functions have read the request already.
    const brought = typeof call === 'number' ? undefined : composite.termsOf(call)
    const terms: Terms = termsOfRequest(whole, brought)
    if (composite.shadow === undefined) composite.fits(cost, false, terms)
    const own = typeof call !== 'number' || isQuoted(whole)
    const leaves = () => leavesOf(whole, terms.members)
    return after(composite.consumeUnder(key, cost, terms), (decision) =>
      this.#judgement(leaves, by, decision, own),
    )
  }

  /**
   * @param leaves reads what each limit was asked
   * @param own true when other numbers than the limiter's judged it
   */
  #judgement(
    leaves: () => readonly Leaf[],
    [source]: GuardArguments,
    decision: Decision,
    own: boolean,
  ): Judgement {
    const leave = decision.allowed ? this.#leaving(leaves, decision) : undefined
    try {
      noteDecision(source as object, decision)
      return { decision, ...this.#told(decision, own), leave }
    } catch (error) {
      leave?.(undefined)
      throw error
    }
  }

  /** Gives back what the end of a response gives back, once. */
  #leaving(leaves: () => readonly Leaf[], decision: Decision): Judgement['leave'] {
    const { skipFailed, skipSuccessful } = this.#settings
    if (this.#holds === undefined && !skipFailed && !skipSuccessful) return undefined
    const parts = flat(decision)
    const taken = leaves().filter(({ cost }, i) => took(parts[i] ?? decision, cost))
    if (taken.length === 0) return undefined
    const end = this.#holds?.add(() => {
      for (const { limiter, key, cost } of taken) limiter.leave?.(key, cost)
    })
    const tell = this.#holds && latencyReporter(taken)
    if (!skipFailed && !skipSuccessful && tell === undefined) return end
    let ended = false
    return (status) => {
      end?.()
      if (ended) return
      ended = true
      tell?.(status)
      const failed = status === undefined || status >= 400
      if (failed ? !skipFailed : !skipSuccessful) return
      // What cannot be told to a storage stays counted.
      for (const leaf of taken) giveBack(leaf).catch(() => {})
    }
  }

  /** What the caller is told. */
  #told(decision: Decision, own: boolean): Pick<Judgement, 'fields' | 'refusal'> {
    const parts = this.#parts(decision, own)
    const { field, names } = this.#announcement
    const retry = decision.allowed ? undefined : retryAfter(decision)
    const fields: Field[] = []
    if (this.#settings.headers === 'legacy') {
      const tightest = decision.parts === undefined ? decision : { ...decision, ...combined(parts) }
      if (parts.length > 0 && !tightest.uncounted && tightest.limit < Infinity)
        fields.push(...legacyFields(tightest, this.#now()))
    } else if (this.#settings.headers !== false) {
      if (field !== '') fields.push(['RateLimit-Policy', field])
      const limits = this.#announcement.limits(parts, retry)
      if (limits !== '') fields.push(['RateLimit', limits])
    }
    let refusal: Refusal | undefined
    if (retry !== undefined) {
      // What never passes again has no time to be told.
      if (retry < Infinity) fields.push(['Retry-After', String(retry)])
      const violated = names.filter((_, i) => !parts[i]?.allowed)
      const outage = parts.every((part) => part.allowed || part.uncounted)
      refusal = outage ? reducedCapacity(violated) : quotaExceeded(violated)
    }
    return { fields, refusal }
  }

  /**
   * The decision of each limit that holds, with an announcement that fits. Callers are not told of shadows: a client that
   * keeps to the announced limits would be limited by them.
   *
   * @param own true when other numbers than the limiter's judged it
   */
  #parts(decision: Decision, own: boolean): readonly Decision[] {
    const parts = flat(decision)
    let policies = this.#limiter.policies
    if (own || policies?.length !== parts.length) {
      const alike = policies?.length === parts.length ? policies : undefined
      policies = parts.map(({ limit }, i) => ({
        ...untold(alike?.[i]?.name ?? this.#limiter.name),
        limit,
      }))
    }
    const holding = parts.some(isShadow) ? parts.filter((part) => !isShadow(part)) : parts
    if (holding !== parts) {
      policies = policies.filter((_, i) => !isShadow(parts[i] as Decision))
    }
    if (!this.#announcement.fits(policies)) this.#announcement = new Announcement(policies)
    return holding
  }

  #now(): number {
    return this.#limiter.clock?.wall?.() ?? Date.now()
  }
}

function isShadow({ shadow }: Decision): boolean {
  return shadow === true
}

/** The decision of each limit. What a shadow lets through as a whole, none of its limits has counted. */
function flat(decision: Decision): readonly Decision[] {
  const { parts, shadow, wouldDeny = false } = decision
  if (parts === undefined) return [decision]
  const own = shadow === true ? parts.map((part) => ({ ...part, shadow, wouldDeny })) : parts
  return own.flatMap(flat)
}

/** Gives back what a request took from one limit. Permits have been given back by then. */
async function giveBack({ limiter, key, cost, brought }: Leaf): Promise<void> {
  if (limiter.policies?.some(({ held }) => held)) return
  await limiter.release(key, brought === undefined ? cost : { ...brought, cost })
}
