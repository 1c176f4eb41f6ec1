import {
  between,
  callable,
  drawn,
  having,
  integer,
  known,
  mustLie,
  type OptionTable,
} from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { describe, isAioFluxError, OptionTypeError } from '../core/errors.ts'
import { pause as sleep } from '../core/waiters.ts'
import type { Limiter } from '../limiters/limiter.ts'
import { DELAY_OPTIONS, type DelayOptions, toDelays } from '../resilience/retry.ts'
import { tooLate } from './lane.ts'
import { Lanes } from './lanes.ts'
import { isReplayable, mayRepeat } from './repeatable.ts'
import { type ServerLimits, serverLimitsOf } from './server-limits.ts'

/** How a polite `fetch` waits for a server that has enough, and how often it tries again. */
export interface PoliteFetchOptions {
  /** The key of a call: calls with the same key pause together. @default the origin of the URL */
  key?(url: URL): string
  /** Waited for before each try, under the same key. @default none */
  limiter?: Limiter
  /** How often to try again after 429 and 503. @default 2 */
  retries?: number
  /** The longest a call waits in all, for the server, the limiter and between tries. @default '60s' */
  timeout?: Duration
  /** The longest pause, even when the server asks for more: a date in the year 9999 must not close it for ever. @default '1h' */
  maxPause?: Duration
  /** How much longer than asked a pause may be, as a share of it: so that not all clients come back at once. @default 0.1 */
  jitter?: number
  /** The delays where the server says none. @default 1 s, 2 s, 4 s, up to 60 s, half of each left to chance */
  backoff?: DelayOptions
  /** @default the global one */
  fetch?: Fetch
  /** @default the runtime's clock */
  clock?: Clock
  /** Numbers from 0 to 1 for the jitter. @default Math.random */
  random?: () => number
}

export const POLITE_FETCH_OPTIONS: OptionTable<PoliteFetchOptions> = {
  key: true,
  limiter: true,
  retries: true,
  timeout: true,
  maxPause: true,
  jitter: true,
  backoff: true,
  fetch: true,
  clock: true,
  random: true,
}

/** `fetch`, as far as it is used here. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/**
 * A `fetch` that keeps to what the other side says, for all calls together: `Retry-After` of 429, 503 and 403, and
 * `RateLimit`, `RateLimit-*` or `X-RateLimit-*` of any response; where there are both, `Retry-After` counts. While there is
 * nothing left, all calls of that key wait; then one goes first.
 *
 * 429 is tried again, 403 where it has `Retry-After`, and 503 for methods that may be repeated, where the body can be sent again (a stream can
 * not). When no try is left, or the wait would be too long, the response is returned as it is.
 *
 * @example
 * const fetch = politeFetch({ limiter: LimiterFactory.leakyBucket({ rate: 10, per: '1s' }) })
 * const response = await fetch('https://api.example.com/items')
 *
 * @throws WaitTimeoutError where the first try cannot be made within `timeout`; it knows `retryAfter`
 * @throws the reason of `init.signal`, and what `fetch` itself throws
 */
export function politeFetch(options: PoliteFetchOptions = {}): Fetch {
  known('politeFetch', options, POLITE_FETCH_OPTIONS)
  if (options.backoff !== undefined) known('backoff', options.backoff, DELAY_OPTIONS, 'backoff')
  const { limiter, retries = 2, jitter = 0.1, clock = systemClock, random = Math.random } = options
  const { timeout: patience = 60 } = options
  const { key = (url: URL) => url.origin, fetch = globalThis.fetch } = options
  for (const [name, value] of Object.entries({ key, fetch, random })) {
    callable(name, value)
  }
  if (limiter !== undefined && typeof limiter?.wait !== 'function') {
    throw new OptionTypeError('limiter', `limiter must be a limiter, got ${describe(limiter)}`)
  }
  having('clock', clock, 'now')
  integer('retries', retries, 0)
  between('jitter', jitter, 0, 1)
  const timeout = toMillis('timeout', patience)
  const { maxPause = '1h' } = options
  const longest = toMillis('maxPause', maxPause)
  mustLie(longest > 0, 'maxPause', 'be more than 0', maxPause)
  const delays = toDelays('backoff', { jitter: 'equal', random, ...options.backoff })
  const lanes = new Lanes(clock, () => jitter * drawn('random', random), longest)

  return async (input, init) => {
    const name = key(urlOf(input))
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined)
    const deadline = clock.now() + timeout
    const left = () => Math.max(0, deadline - clock.now())

    /** Waits for `delay` and a turn, sends, and tells all other calls of the lane what the answer advises. */
    const attempt = async (number: number, delay: Millis): Promise<Attempt> => {
      if (delay > left()) throw tooLate(name, delay, left())
      if (delay > 0) await sleep(clock, delay, signal ?? NEVER)
      await limiter?.wait(name, { timeout: left() / 1000, ...(signal && { signal }) })
      const lane = lanes.of(name)
      const turn = await lane.enter(left(), signal).catch(async (reason) => {
        await limiter?.release(name)
        throw reason
      })
      let response: Response
      try {
        response = await fetch(input, init)
      } catch (error) {
        lane.answered(turn, false)
        throw error
      } finally {
        limiter?.leave?.(name, 1)
      }
      const { refusal, pause, quotas } = serverLimitsOf(response, clock.wall?.() ?? Date.now())
      const own =
        refusal !== undefined && pause === undefined ? Math.min(delays(number), longest) : 0
      if (pause !== undefined) lane.pause(pause * 1000)
      // 429 holds for all calls to the server. After a 503 without a time only this call waits: the next one may get through.
      else if (refusal === 'limited') lane.pause(own)
      lane.answered(turn, refusal === undefined, quotas)
      return { response, refusal, delay: refusal === 'unavailable' ? own : 0 }
    }

    const tries = isReplayable(input, init) ? retries : 0
    let last = await attempt(1, 0)
    for (let number = 2; number <= tries + 1; number++) {
      const { response, refusal, delay } = last
      if (!mayRepeat(refusal, input, init)) return response
      try {
        last = await attempt(number, delay)
      } catch (error) {
        if (isAioFluxError(error, 'WAIT_TIMEOUT')) return response
        throw error
      }
      // The body is not read. It may fail or never end, which does not matter for the next attempt.
      response.body?.cancel().catch(() => {})
    }
    return last.response
  }
}

interface Attempt {
  readonly response: Response
  readonly refusal: ServerLimits['refusal']
  /** How long this call alone has to wait before the next. */
  readonly delay: Millis
}

const NEVER = new AbortController().signal

function urlOf(input: string | URL | Request): URL {
  if (input instanceof URL) return input
  const text = typeof input === 'string' ? input : input.url
  return new URL(text, (globalThis as { location?: { href?: string } }).location?.href)
}
