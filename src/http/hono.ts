import { known, type OptionTable } from '../core/check.ts'
import type { Decision } from '../core/decision.ts'
import { Exchange } from './exchange.ts'
import type { Judgement } from './guard.ts'
import { GUARD_OPTIONS, type GuardLimit, type GuardOptions } from './guard-options.ts'
import { judgeOf } from './judge-of.ts'
import type { RateLimited } from './rate-limited.ts'
import { answerOf, failureOf, refusalOf } from './refusal.ts'
import { refusedResponse, withFields } from './response.ts'

/** What is needed of a context of Hono. */
export interface HonoContext {
  readonly req: { readonly raw: Request }
  readonly env: unknown
  // biome-ignore lint/suspicious/noExplicitAny: an app of Hono types the names it keeps.
  set?(name: any, value: any): void
  res: Response
}

/** A limit for Hono. */
export interface HonoGuardOptions<Context extends HonoContext = HonoContext>
  extends GuardOptions<Context> {
  /** The answer to a denied request; gets the fields too. @default 429 with a problem of RFC 9457 */
  onLimited?(context: Context, decision: Decision): Response | Promise<Response>
}

export const HONO_GUARD_OPTIONS: OptionTable<HonoGuardOptions> = {
  ...GUARD_OPTIONS,
  onLimited: true,
}

/**
 * Limits requests of Hono. As {@link rateLimitFetch}; errors are thrown to `app.onError`, and without one answered with
 * their status.
 *
 * @example
 * app.use(rateLimitHono(LimiterFactory.tokenBucket({ rate: 100, per: '1m' })))
 */
export function rateLimitHono<Context extends HonoContext = HonoContext>(
  limiter: GuardLimit<Context>,
  options: HonoGuardOptions<Context> = {},
): (context: Context, next: () => Promise<void>) => Promise<Response | undefined> {
  known('rateLimitHono', options, HONO_GUARD_OPTIONS)
  const guard = judgeOf<Context>(limiter, options)
  return async (context, next) => {
    let judged: Judgement | undefined
    try {
      judged = await guard.judge(context)
    } catch (error) {
      throw withResponse(error)
    }
    context.set?.('rateLimit', (context as RateLimited).rateLimit)
    if (judged === undefined) {
      await next()
      return undefined
    }
    const { refusal, fields, decision, leave } = judged
    if (refusal !== undefined) {
      const own = await answerOf(() => options.onLimited?.(context, decision))
      return withFields(own ?? refusedResponse(refusal), fields)
    }
    const exchange = leave && new Exchange(context.req.raw, context.env, leave)
    try {
      await next()
      const answered = withFields(context.res, fields)
      const watched = exchange?.answer(answered) ?? answered
      if (watched !== context.res) context.res = watched
    } catch (error) {
      exchange?.fail()
      throw error
    }
    return undefined
  }
}

/** Gives an error the response by which Hono answers it where the app has no `onError`. */
function withResponse(error: unknown): unknown {
  const refusal = refusalOf(error)
  if (refusal === undefined) return failureOf(error)
  return Object.assign(error as object, { getResponse: () => refusedResponse(refusal) })
}
