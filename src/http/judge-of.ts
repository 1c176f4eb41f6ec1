import { number } from '../core/check.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import type { CallQuota } from '../core/rule.ts'
import { isThenable } from '../core/thenable.ts'
import type { CallOptions } from '../limiters/calls/call-options.ts'
import { type CompositePart, composite } from '../limiters/composite/composite.ts'
import type { Limiter } from '../limiters/limiter.ts'
import { type Awaitable, after, ignoring } from './awaitable.ts'
import { clientIp } from './client-ip.ts'
import { Guard, type Judgement } from './guard.ts'
import {
  type GuardLimit,
  type GuardOptions,
  type GuardSettings,
  readGuardOptions,
} from './guard-options.ts'

/**
 * What judges requests: by the guard of a limiter, or of several that have to agree; or by one guard for each limiter that
 * `options.limiter` chooses.
 *
 * @param limit counts where none is chosen
 * @param options whose names have been checked
 */
export function judgeOf<Source extends object>(
  limit: GuardLimit<Source> | undefined,
  options: GuardOptions<Source>,
): Judge<Source> {
  const limiter = Array.isArray(limit) ? composite(limit as CompositePart[]) : (limit as Limiter)
  return new Judge<Source>(limiter, options)
}

/** Reads from each request what counts for it, and has the guard of its limiter judge it. */
export class Judge<Source extends object> {
  readonly #options: GuardOptions<Source>
  readonly #settings: GuardSettings
  readonly #guards = new WeakMap<Limiter, Guard>()
  /** The guard of requests for which no limiter is chosen. */
  readonly #guard: Guard | undefined

  constructor(limiter: Limiter | undefined, options: GuardOptions<Source>) {
    this.#options = options
    this.#settings = readGuardOptions(options)
    const chosen = limiter === undefined && options.limiter !== undefined
    this.#guard = chosen ? undefined : new Guard(limiter as Limiter, this.#settings)
  }

  /**
   * Undefined for a request that is not counted. What an option or the limiter throws is thrown, or rejects. `skip` is read
   * first: the other options are not read for a request that it leaves out.
   */
  judge(source: Source, connection?: unknown): Awaitable<Judgement | undefined> {
    const by: By<Source> = [source, connection]
    if (this.#options.skip === undefined) return this.#choose(by)
    const skipped = this.#options.skip(source, connection)
    return after(skipped, (skip) => (isSkipped(skip) ? undefined : this.#choose(by)))
  }

  #choose(by: By<Source>): Awaitable<Judgement | undefined> {
    if (this.#options.limiter === undefined) return this.#price(by, this.#guard)
    return after(this.#options.limiter(...by), (one) => this.#price(by, this.#guardOf(one)))
  }

  #price(by: By<Source>, guard = this.#guard as Guard): Awaitable<Judgement | undefined> {
    if (this.#options.cost === undefined) return this.#ask(by, guard, 1)
    const price = this.#options.cost(...by) as Awaitable<number | undefined>
    return after(price, (cost = 1) => {
      // The limiter would take an object for a whole call.
      number('cost', cost)
      return cost === 0 ? undefined : this.#ask(by, guard, cost)
    })
  }

  #ask(by: By<Source>, guard: Guard, cost: number): Awaitable<Judgement> {
    const options = this.#options
    const read: unknown[] = []
    try {
      read.push(options.key === undefined ? clientIp(by[0], undefined, by[1]) : options.key(...by))
      read.push(options.quota?.(...by), options.class?.(...by))
    } catch (error) {
      ignoring(read)
      throw error
    }
    const judge = ([key, quota, name]: unknown[]) =>
      guard.judge(by, keyOf(key), cost, bringing(quota as CallQuota, name as string))
    return read.some(isThenable) ? Promise.all(read).then(judge) : judge(read)
  }

  #guardOf(chosen: Limiter | undefined): Guard {
    if (chosen === undefined && this.#guard !== undefined) return this.#guard
    if (typeof chosen?.consume !== 'function') {
      const what = `limiter must return a limiter, got ${describe(chosen)}`
      throw new OptionTypeError('limiter', what)
    }
    let guard = this.#guards.get(chosen)
    if (guard === undefined) {
      guard = new Guard(chosen, this.#settings)
      this.#guards.set(chosen, guard)
    }
    return guard
  }
}

/** What the functions of the options get. */
type By<Source> = readonly [source: Source, connection: unknown]

function isSkipped(skip: boolean | undefined): boolean {
  if (skip === undefined || typeof skip === 'boolean') return skip === true
  throw new OptionTypeError('skip', `skip must return true or false, got ${describe(skip)}`)
}

/** @throws OptionTypeError for no key: callers that share one limit have the key `''` */
function keyOf(key: unknown): string {
  if (key !== undefined && key !== null) return key as string
  throw new OptionTypeError(
    'key',
    "key must return a string, got nothing: return '' for calls that share one limit, or leave them out with skip",
  )
}

/** What a request brings beside its cost, where it brings anything. */
function bringing(quota: CallQuota | undefined, name: string | undefined): CallOptions | undefined {
  if (quota === undefined && name === undefined) return undefined
  return { ...(quota !== undefined && { quota }), ...(name !== undefined && { class: name }) }
}
