import { callback, flag, mustLie, type OptionTable, oneOf } from '../core/check.ts'
import { systemClock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import { type Duration, toMillis } from '../core/duration.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import type { CallQuota } from '../core/rule.ts'
import { checkCall } from '../limiters/calls/arguments.ts'
import type { CallOptions } from '../limiters/calls/call-options.ts'
import { answersAtOnce, type Limiter, type LocalLimiter } from '../limiters/limiter.ts'
import { untold } from '../limiters/policy-of.ts'
import {
  type Asked,
  type AskedBy,
  asked,
  type Composed,
  isQuoted,
  leavesOf,
  readsRequests,
  termsOfAsked,
} from './asked.ts'
import { type Awaitable, isPromise } from './awaitable.ts'
import { clientIp } from './client-ip.ts'
import { Announcement, type Field, type HeaderStyle, legacyFields, retryAfter } from './fields.ts'
import { Holds } from './holds.ts'
import { quotaExceeded, type Refusal, reducedCapacity } from './refusal.ts'
import { stand } from './standing.ts'

/** What a guard counts by: a limiter, or several that have to agree, each with a key, a cost and a quota of its own. */
export type GuardLimit<Source> = Limiter | readonly GuardPart<Source>[]

/** One of several limiters of a guard. */
export type GuardPart<Source> =
  | Limiter
  | {
      limiter: Limiter
      /** @default the key of the guard */
      key?(source: Source, connection?: unknown): Awaitable<string>
      /** 0 takes nothing from this limiter. @default the cost of the guard */
      cost?(source: Source, connection?: unknown): Awaitable<number>
      /**
       * The plan of this request for this limiter. `true`: the `quota` of the guard is for this one.
       * @default the limiter's own numbers; where it is the only one that takes quotas, the `quota` of the guard
       */
      quota?: true | ((source: Source, connection?: unknown) => Awaitable<CallQuota | undefined>)
    }

/** Options of every guard. `Source` is the request type of the framework. */
export interface GuardOptions<Source> {
  /**
   * The key that a request counts for.
   * @param connection what the runtime passes to a fetch handler beside the request; not in other frameworks
   * @default the client's address, IPv6 by its /56: see `clientIp`. Requests without an address share one count
   */
  key?(source: Source, connection?: unknown): Awaitable<string>
  /** How much a request takes. 0 lets it through uncounted. @default 1 */
  cost?(source: Source, connection?: unknown): Awaitable<number>
  /** Lets a request through uncounted when true. @default none */
  skip?(source: Source, connection?: unknown): Awaitable<boolean>
  /** The quota that holds for this request's key: a plan. @default the limiter's own numbers */
  quota?(source: Source, connection?: unknown): Awaitable<CallQuota | undefined>
  /** The class of the limiter's `classes` that this request belongs to. @default the whole limit */
  class?(source: Source, connection?: unknown): Awaitable<string | undefined>
  /** The limiter for this request. @default the one the guard was made with */
  limiter?(source: Source, connection?: unknown): Awaitable<Limiter | undefined>
  /** Gives back what a request took when its answer is an error (400 or higher), or was never sent. @default false */
  skipFailed?: boolean
  /** Gives back what a request took when its answer is below 400. @default false */
  skipSuccessful?: boolean
  /** @default 'draft-8' */
  headers?: HeaderStyle
  /**
   * The longest time that a request keeps a permit of a concurrency limit. The permit is given back when the response has been
   * sent or the client has gone; this bound is for connections whose end nothing reports. Raise it where responses last longer,
   * as event streams do.
   * @default '1h'
   */
  maxHold?: Duration
}

export const GUARD_OPTIONS: OptionTable<GuardOptions<unknown>> = {
  key: true,
  cost: true,
  skip: true,
  quota: true,
  class: true,
  limiter: true,
  skipFailed: true,
  skipSuccessful: true,
  headers: true,
  maxHold: true,
}

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
 * Judges requests by one limiter: the part that all frameworks share. Over a limiter in memory, and with options that
 * answer at once, it answers at once.
 */
export class Guard<Source extends object> {
  readonly #limiter: Limiter
  readonly #local: LocalLimiter | undefined
  /** The limiter, where it is a composite whose parts read the request. */
  readonly #apart: Composed | undefined
  readonly #options: GuardOptions<Source>
  readonly #headers: HeaderStyle
  /** Where the limiter is on how many run at once. */
  readonly #holds: Holds | undefined
  #announcement = new Announcement([])

  /** @param options whose names are known to be those of the guard */
  constructor(limiter: Limiter, options: GuardOptions<Source>) {
    if (typeof limiter?.consume !== 'function') {
      throw new OptionTypeError('limiter', `limiter must be a limiter, got ${describe(limiter)}`)
    }
    for (const name of ['key', 'cost', 'skip', 'quota', 'class', 'limiter', 'onLimited'] as const) {
      const value = (options as Record<string, unknown>)[name]
      callback(name, value)
    }
    const { headers = 'draft-8' } = options
    this.#headers = headers
    if (this.#headers !== false) {
      oneOf('headers', this.#headers, ['draft-8', 'draft-9', 'draft-10', 'draft-11', 'legacy'])
    }
    const { skipFailed = false, skipSuccessful = false } = options
    flag('skipFailed', skipFailed)
    flag('skipSuccessful', skipSuccessful)
    this.#limiter = limiter
    this.#local = answersAtOnce(limiter) ? limiter : undefined
    this.#apart = readsRequests(limiter) ? limiter : undefined
    this.#options = options
    const { maxHold = '1h' } = options
    const longest = toMillis('maxHold', maxHold)
    mustLie(longest > 0, 'maxHold', 'be more than 0', maxHold)
    const held = limiter.policies?.some((policy) => policy.held) ?? false
    this.#holds = held ? new Holds(limiter.clock ?? systemClock, longest) : undefined
  }

  /** Undefined for a request that is not counted. What `key`, `cost`, `skip` or the limiter throw is thrown, or rejects. */
  judge(source: Source, connection?: unknown): Awaitable<Judgement | undefined> {
    const options = this.#options
    const skipped = options.skip?.(source, connection) ?? false
    if (skipped === true) return undefined
    const cost = options.cost?.(source, connection) ?? 1
    if (cost === 0 && skipped === false) return undefined
    const key = options.key?.(source, connection) ?? this.#address(source, connection)
    const quota = options.quota?.(source, connection)
    const name = options.class?.(source, connection)
    const given: unknown[] = [skipped, cost, key, quota, name]
    const by = [source, connection] as const
    if (given.some(isPromise)) return this.#later(by, skipped, cost, key, quota, name)
    return this.#ask(
      by,
      key as string,
      cost as number,
      bringing(quota as CallQuota, name as string),
    )
  }

  async #later(
    by: AskedBy,
    skipped: Awaitable<boolean>,
    cost: Awaitable<number>,
    key: Awaitable<string>,
    quota: Awaitable<CallQuota | undefined>,
    name: Awaitable<string | undefined>,
  ): Promise<Judgement | undefined> {
    const all = await Promise.all([skipped, cost, key, quota, name])
    const [skip, amount, whose, plan, kind] = all
    return skip || amount === 0 ? undefined : this.#ask(by, whose, amount, bringing(plan, kind))
  }

  #address(source: Source, connection: unknown): string {
    if (this.#options.key !== undefined) {
      throw new OptionTypeError(
        'key',
        "key must return a string, got nothing: return '' for calls that share one limit, or leave them out with skip",
      )
    }
    return clientIp(source, undefined, connection)
  }

  #ask(
    by: AskedBy,
    key: string,
    cost: number,
    brought: CallOptions | undefined,
  ): Awaitable<Judgement> {
    this.#holds?.sweep()
    const call = brought === undefined ? cost : { ...brought, cost }
    if (this.#apart !== undefined) {
      const whole = asked(this.#limiter, key, cost, by)
      return isPromise(whole)
        ? whole.then((one) => this.#askApart(one, by, call))
        : this.#askApart(whole, by, call)
    }
    const limiter = this.#limiter
    const judge = (decision: Decision) => {
      const whole = () => asked(limiter, key, cost, by) as Asked
      return this.#judgement(whole, by, decision, brought !== undefined)
    }
    if (this.#local !== undefined) return judge(this.#local.decide(key, call))
    return limiter.consume(key, call).then(judge)
  }

  /** Asks a composite each of whose members has a key and a cost for this request. */
  #askApart(whole: Asked, by: AskedBy, call: number | CallOptions): Awaitable<Judgement> {
    const composite = this.#apart as Composed
    checkCall(whole.key, whole.cost, Number.MAX_VALUE)
    const { cost } = whole
    // The parts' functions have read the request already.
    const terms = typeof call === 'number' ? undefined : composite.termsOf(call)
    const own = typeof call !== 'number' || isQuoted(whole)
    const judge = (decision: Decision) => this.#judgement(() => whole, by, decision, own)
    const answer = composite.consumeUnder(whole.key, cost, termsOfAsked(whole, terms))
    return isPromise(answer) ? answer.then(judge) : judge(answer)
  }

  /**
   * @param whole reads what was asked
   * @param own true when other numbers than the limiter's judged it
   */
  #judgement(whole: () => Asked, [source]: AskedBy, decision: Decision, own: boolean): Judgement {
    stand(source as object, decision)
    const leave = decision.allowed ? this.#leaving(whole, decision) : undefined
    try {
      return { decision, ...this.#told(decision, own), leave }
    } catch (error) {
      leave?.(undefined)
      throw error
    }
  }

  /** Gives back what the end of a response gives back, once. */
  #leaving(whole: () => Asked, decision: Decision): Judgement['leave'] {
    const { skipFailed = false, skipSuccessful = false } = this.#options
    if (this.#holds === undefined && !skipFailed && !skipSuccessful) return undefined
    const leaves = leavesOf(whole())
    const end = this.#holds?.add(() => {
      for (const { limiter, key, cost } of leaves) if (cost > 0) limiter.leave?.(key, cost)
    })
    if (!skipFailed && !skipSuccessful) return end
    const parts = flat(decision)
    let ended = false
    return (status) => {
      end?.()
      if (ended) return
      ended = true
      const failed = status === undefined || status >= 400
      if (failed ? !skipFailed : !skipSuccessful) return
      // What cannot be told to a storage stays counted.
      for (const [i, leaf] of leaves.entries()) giveBack(leaf, parts[i]).catch(() => {})
    }
  }

  /** What the caller is told. */
  #told(decision: Decision, own: boolean): Pick<Judgement, 'fields' | 'refusal'> {
    const parts = this.#parts(decision, own)
    const { field, names } = this.#announcement
    const after = decision.allowed ? undefined : retryAfter(decision)
    const fields: Field[] = []
    if (this.#headers === 'legacy') {
      if (!decision.uncounted && decision.limit < Infinity)
        fields.push(...legacyFields(decision, this.#now()))
    } else if (this.#headers !== false) {
      if (field !== '') fields.push(['RateLimit-Policy', field])
      const limits = this.#announcement.limits(parts, after)
      if (limits !== '') fields.push(['RateLimit', limits])
    }
    let refusal: Refusal | undefined
    if (after !== undefined) {
      // What never passes again has no time to be told.
      if (after < Infinity) fields.push(['Retry-After', String(after)])
      const violated = names.filter((_, i) => !parts[i]?.allowed)
      const outage = parts.every((part) => part.allowed || part.uncounted)
      refusal = outage ? reducedCapacity(violated) : quotaExceeded(violated)
    }
    return { fields, refusal }
  }

  /**
   * The decision of each limit, with an announcement that fits.
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
    if (!this.#announcement.fits(policies)) this.#announcement = new Announcement(policies)
    return parts
  }

  #now(): number {
    return this.#limiter.clock?.wall?.() ?? Date.now()
  }
}

/** What a request brings beside its cost, where it brings anything. */
function bringing(quota: CallQuota | undefined, name: string | undefined): CallOptions | undefined {
  if (quota === undefined && name === undefined) return undefined
  return { ...(quota && { quota }), ...(name !== undefined && { class: name }) }
}

/** The decision of each limit. */
function flat(decision: Decision): readonly Decision[] {
  return decision.parts === undefined ? [decision] : decision.parts.flatMap(flat)
}

/** Gives back what a request took from one limit. Permits have been given back by then, and what was never counted is not. */
async function giveBack(
  { limiter, key, cost }: Asked,
  decision: Decision | undefined,
): Promise<void> {
  const { limit, uncounted, wouldDeny } = decision ?? {}
  if (cost === 0 || limit === Infinity || uncounted || wouldDeny) return
  if (!limiter.policies?.some(({ held }) => held)) await limiter.release(key, cost)
}
