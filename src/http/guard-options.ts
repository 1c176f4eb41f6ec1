import { callback, flag, mustLie, type OptionTable, oneOf } from '../core/check.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import type { CallQuota } from '../core/rule.ts'
import type { Limiter } from '../limiters/limiter.ts'
import type { Awaitable } from './awaitable.ts'
import type { HeaderStyle } from './fields.ts'

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
  /** Lets a request through uncounted when true: no other option is read then. @default none */
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

const FUNCTIONS = ['key', 'cost', 'skip', 'quota', 'class', 'limiter', 'onLimited'] as const

/** What of the options holds for all requests. */
export interface GuardSettings {
  readonly headers: HeaderStyle
  readonly skipFailed: boolean
  readonly skipSuccessful: boolean
  readonly maxHold: Millis
}

/**
 * The values of the options; their names have been checked.
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function readGuardOptions(options: GuardOptions<never>): GuardSettings {
  for (const name of FUNCTIONS) callback(name, (options as Record<string, unknown>)[name])
  const {
    headers = 'draft-8',
    skipFailed = false,
    skipSuccessful = false,
    maxHold = '1h',
  } = options
  if (headers !== false) {
    oneOf('headers', headers, ['draft-8', 'draft-9', 'draft-10', 'draft-11', 'legacy'])
  }
  flag('skipFailed', skipFailed)
  flag('skipSuccessful', skipSuccessful)
  const longest = toMillis('maxHold', maxHold)
  mustLie(longest > 0, 'maxHold', 'be more than 0', maxHold)
  return { headers, skipFailed, skipSuccessful, maxHold: longest }
}
