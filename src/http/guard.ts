import { callback, mustLie, oneOf, options as optionsOf } from '../core/check.ts'
import { systemClock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import { type Duration, toMillis } from '../core/duration.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { answersAtOnce, type Limiter, type LocalLimiter } from '../limiters/limiter.ts'
import { untold } from '../limiters/policy-of.ts'
import { clientIp } from './client-ip.ts'
import { Announcement, type Field, type HeaderStyle, legacyFields, retryAfter } from './fields.ts'
import { Holds } from './holds.ts'
import { quotaExceeded, type Refusal, reducedCapacity } from './refusal.ts'

type Awaitable<T> = T | Promise<T>

/** What every guard can be given, whatever the framework. `Source` is what that framework calls a request. */
export interface GuardOptions<Source> {
  /**
   * Whom a request is counted for.
   * @param connection what the runtime hands to a fetch handler beside the request; not in other frameworks
   * @default the client's address, IPv6 by its /56: see `clientIp`. Where nobody tells it, all share one count
   */
  key?(source: Source, connection?: unknown): Awaitable<string>
  /** How much a request takes. 0 lets it through uncounted. @default 1 */
  cost?(source: Source, connection?: unknown): Awaitable<number>
  /** Lets a request through uncounted when true. @default none */
  skip?(source: Source, connection?: unknown): Awaitable<boolean>
  /** @default 'draft-8' */
  headers?: HeaderStyle
  /**
   * The longest time a request keeps its permit of a limit on how many run at once. The permit is given back when the response
   * has been sent or the client has gone; this bound is for the case that nothing ever tells of it. Give more where responses
   * last longer, as streams of events do.
   * @default '1h'
   */
  maxHold?: Duration
}

/** What came of a request that was counted. */
export interface Judgement {
  readonly decision: Decision
  /** What to tell the caller, whether he gets through or not. */
  readonly fields: readonly Field[]
  /** The answer to one who does not get through. */
  readonly refusal: Refusal | undefined
  /** To be called when the response has ended, once or more often; only where a limit is on how many run at once. */
  readonly leave: (() => void) | undefined
}

/**
 * Judges requests by one limiter: the part that all frameworks share. Over a limiter in memory, and with options that
 * answer at once, it answers at once.
 */
export class Guard<Source extends object> {
  readonly #limiter: Limiter
  readonly #local: LocalLimiter | undefined
  readonly #options: GuardOptions<Source>
  readonly #headers: HeaderStyle
  /** Where the limiter is on how many run at once. */
  readonly #holds: Holds | undefined
  #announcement = new Announcement([])

  constructor(limiter: Limiter, options: GuardOptions<Source>) {
    if (typeof limiter?.consume !== 'function') {
      throw new OptionTypeError('limiter', `limiter must be a limiter, got ${describe(limiter)}`)
    }
    optionsOf('options', options)
    for (const name of ['key', 'cost', 'skip', 'onLimited'] as const) {
      const value = (options as Record<string, unknown>)[name]
      callback(name, value)
    }
    this.#headers = options.headers ?? 'draft-8'
    if (this.#headers !== false) {
      oneOf('headers', this.#headers, ['draft-8', 'draft-9', 'draft-10', 'draft-11', 'legacy'])
    }
    this.#limiter = limiter
    this.#local = answersAtOnce(limiter) ? limiter : undefined
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
    if (isPromise(skipped) || isPromise(cost) || isPromise(key)) {
      return this.#later(skipped, cost, key)
    }
    return this.#ask(key, cost)
  }

  async #later(
    skipped: Awaitable<boolean>,
    cost: Awaitable<number>,
    key: Awaitable<string>,
  ): Promise<Judgement | undefined> {
    const [skip, amount, name] = await Promise.all([skipped, cost, key])
    return skip || amount === 0 ? undefined : this.#ask(name, amount)
  }

  #address(source: Source, connection: unknown): string {
    if (this.#options.key !== undefined) {
      throw new OptionTypeError('key', 'key must return a string, got nothing')
    }
    return clientIp(source, undefined, connection)
  }

  #ask(key: string, cost: number): Awaitable<Judgement> {
    this.#holds?.sweep()
    if (this.#local !== undefined) return this.#judgement(key, cost, this.#local.decide(key, cost))
    return this.#limiter.consume(key, cost).then((decision) => this.#judgement(key, cost, decision))
  }

  #judgement(key: string, cost: number, decision: Decision): Judgement {
    const holds = decision.allowed ? this.#holds : undefined
    const leave = holds?.add(() => this.#limiter.leave?.(key, cost))
    try {
      return { decision, ...this.#told(decision), leave }
    } catch (error) {
      leave?.()
      throw error
    }
  }

  /** What the caller is told. */
  #told(decision: Decision): Pick<Judgement, 'fields' | 'refusal'> {
    const parts = this.#parts(decision)
    const { field, names } = this.#announcement
    const after = decision.allowed ? undefined : retryAfter(decision)
    const fields: Field[] = []
    if (this.#headers === 'legacy') {
      if (!decision.uncounted) fields.push(...legacyFields(decision, this.#now()))
    } else if (this.#headers !== false) {
      if (field !== '') fields.push(['RateLimit-Policy', field])
      const limits = this.#announcement.limits(parts, after)
      if (limits !== '') fields.push(['RateLimit', limits])
    }
    let refusal: Refusal | undefined
    if (after !== undefined) {
      fields.push(['Retry-After', String(after)])
      const violated = names.filter((_, i) => !parts[i]?.allowed)
      const outage = parts.every((part) => part.allowed || part.uncounted)
      refusal = outage ? reducedCapacity(violated) : quotaExceeded(violated)
    }
    return { fields, refusal }
  }

  /** The decision of each limit, with an announcement that fits. */
  #parts(decision: Decision): readonly Decision[] {
    const parts = decision.parts === undefined ? [decision] : leaves(decision.parts)
    let policies = this.#limiter.policies
    if (policies?.length !== parts.length) {
      policies = parts.map(({ limit }) => ({ ...untold(this.#limiter.name), limit }))
    }
    if (!this.#announcement.fits(policies)) this.#announcement = new Announcement(policies)
    return parts
  }

  #now(): number {
    return this.#limiter.clock?.wall?.() ?? Date.now()
  }
}

function leaves(parts: readonly Decision[]): readonly Decision[] {
  return parts.some((part) => part.parts !== undefined)
    ? parts.flatMap((part) => (part.parts === undefined ? part : leaves(part.parts)))
    : parts
}

/** Only for limiters and options, whose promises are promises. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === 'function'
}
