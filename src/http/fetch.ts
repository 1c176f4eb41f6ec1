import { callable, known, type OptionTable } from '../core/check.ts'
import type { Decision } from '../core/decision.ts'
import { Exchange } from './exchange.ts'
import type { Judgement } from './guard.ts'
import { GUARD_OPTIONS, type GuardLimit, type GuardOptions } from './guard-options.ts'
import { judgeOf } from './judge-of.ts'
import { answerOf, failureOf, refusalOf } from './refusal.ts'
import { refusedResponse, withFields } from './response.ts'

/** A limit for handlers of the web platform: {@link rateLimitFetch}. */
export interface FetchGuardOptions extends GuardOptions<Request> {
  /** The answer to a denied request; gets the fields too. @default 429 with a problem of RFC 9457 */
  onLimited?(request: Request, decision: Decision): Response | Promise<Response>
}

export const FETCH_GUARD_OPTIONS: OptionTable<FetchGuardOptions> = {
  ...GUARD_OPTIONS,
  onLimited: true,
}

/** A handler of the web platform, as Deno, Bun, Cloudflare, `@hono/node-server` and others call it. */
export type FetchHandler<Rest extends unknown[] = unknown[]> = (
  request: Request,
  ...rest: Rest
) => Response | Promise<Response>

/**
 * Limits a fetch handler.
 *
 * Callers are told by `RateLimit-Policy` and `RateLimit` how they stand; a denied request is answered 429 with
 * `Retry-After`. Where the storage cannot be asked, the limiter's `onStorageError` decides; with `'throw'` the answer is
 * 503, and 413 where a request costs more than the limit ever holds.
 *
 * @example
 * const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1m' })
 * const guard = rateLimitFetch(limiter) // each address by itself
 * Deno.serve(guard((request) => new Response('hello')))
 *
 * @example
 * // By the key of an API, and by the address where there is none: `?? ''` would be one key for all of these.
 * const key = (request, info) => request.headers.get('x-api-key') ?? clientIp(request, {}, info)
 * const guard = rateLimitFetch(limiter, { key })
 */
export function rateLimitFetch(
  limiter: GuardLimit<Request>,
  options: FetchGuardOptions = {},
): <Rest extends unknown[]>(
  handler: FetchHandler<Rest>,
) => (request: Request, ...rest: [...Rest, ...unknown[]]) => Promise<Response> {
  known('rateLimitFetch', options, FETCH_GUARD_OPTIONS)
  const guard = judgeOf<Request>(limiter, options)
  return <Rest extends unknown[]>(handler: FetchHandler<Rest>) => {
    callable('handler', handler)
    return async (request: Request, ...rest: [...Rest, ...unknown[]]) => {
      let judged: Judgement | undefined
      try {
        judged = await guard.judge(request, rest[0])
      } catch (error) {
        const refusal = refusalOf(error)
        if (refusal === undefined) throw failureOf(error)
        return refusedResponse(refusal)
      }
      const handle = () => handler(request, ...(rest as unknown as Rest))
      return judged === undefined ? handle() : answer(judged, request, rest[0], options, handle)
    }
  }
}

async function answer(
  judged: Judgement,
  request: Request,
  connection: unknown,
  options: FetchGuardOptions,
  handle: () => Response | Promise<Response>,
): Promise<Response> {
  const { refusal, fields, decision, leave } = judged
  if (refusal !== undefined) {
    const own = await answerOf(() => options.onLimited?.(request, decision))
    return withFields(own ?? refusedResponse(refusal), fields)
  }
  if (leave === undefined) return withFields(await handle(), fields)
  const exchange = new Exchange(request, connection, leave)
  try {
    return exchange.answer(withFields(await handle(), fields))
  } catch (error) {
    exchange.fail()
    throw error
  }
}
