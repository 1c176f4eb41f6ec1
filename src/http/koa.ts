import { known, type OptionTable } from '../core/check.ts'
import type { Decision } from '../core/decision.ts'
import type { Judgement } from './guard.ts'
import { GUARD_OPTIONS, type GuardLimit, type GuardOptions } from './guard-options.ts'
import { judgeOf } from './judge-of.ts'
import { type NodeResponse, nodeHeaders } from './node.ts'
import { whenAnswered } from './node-end.ts'
import type { RateLimited } from './rate-limited.ts'
import { answerOf, failureOf, PROBLEM_JSON } from './refusal.ts'
import { writeFields } from './write-fields.ts'

/** What is needed of a context of Koa. */
export interface KoaContext {
  readonly ip: string
  readonly headers: Record<string, string | string[] | undefined>
  readonly req?: object
  readonly res: NodeResponse
  readonly state?: object
  status: number
  type: string
  body: unknown
}

/** A limit for Koa. */
export interface KoaGuardOptions<Context extends KoaContext = KoaContext>
  extends GuardOptions<Context> {
  /** Answers a denied request. The status and the fields are set already. @default a problem of RFC 9457 */
  onLimited?(context: Context, decision: Decision): unknown
}

export const KOA_GUARD_OPTIONS: OptionTable<KoaGuardOptions> = { ...GUARD_OPTIONS, onLimited: true }

/**
 * Limits requests of Koa. As {@link rateLimitMiddleware}; errors are thrown, with `status`.
 *
 * @example
 * app.use(rateLimitKoa(LimiterFactory.tokenBucket({ rate: 100, per: '1m' })))
 */
export function rateLimitKoa<Context extends KoaContext = KoaContext>(
  limiter: GuardLimit<Context>,
  options: KoaGuardOptions<Context> = {},
): (context: Context, next: () => Promise<unknown>) => Promise<void> {
  known('rateLimitKoa', options, KOA_GUARD_OPTIONS)
  const guard = judgeOf<Context>(limiter, options)
  return async (context, next) => {
    let judged: Judgement | undefined
    try {
      judged = await guard.judge(context)
    } catch (error) {
      throw failureOf(error)
    }
    const { rateLimit } = context as RateLimited
    if (rateLimit !== undefined && context.state) Object.assign(context.state, { rateLimit })
    if (judged === undefined) {
      await next()
      return
    }
    whenAnswered(context.req, context.res, judged.leave)
    writeFields(nodeHeaders, context.res, judged.fields)
    if (judged.refusal === undefined) {
      await next()
      return
    }
    const { decision, refusal } = judged
    context.status = refusal.status
    if (options.onLimited !== undefined) {
      await answerOf(() => options.onLimited?.(context, decision))
      return
    }
    context.type = PROBLEM_JSON
    context.body = refusal.body
  }
}
