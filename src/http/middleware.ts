import { known, type OptionTable } from '../core/check.ts'
import type { Decision } from '../core/decision.ts'
import { isThenable } from '../core/thenable.ts'
import type { Judgement } from './guard.ts'
import { GUARD_OPTIONS, type GuardLimit, type GuardOptions } from './guard-options.ts'
import { judgeOf } from './judge-of.ts'
import { type NodeRequest, type NodeResponse, nodeHeaders } from './node.ts'
import { whenAnswered } from './node-end.ts'
import { answerOf, failureOf, PROBLEM_JSON, type Refusal, refusalOf } from './refusal.ts'
import { writeFields } from './write-fields.ts'

type Next = (error?: unknown) => void

/** A limit for node:http, Express and Connect: {@link rateLimitMiddleware}. */
export interface MiddlewareOptions<
  Req extends NodeRequest = NodeRequest,
  Res extends NodeResponse = NodeResponse,
> extends GuardOptions<Req> {
  /**
   * Answers a denied request. The status and the fields are set already.
   * @default a problem of RFC 9457
   */
  onLimited?(request: Req, response: Res, decision: Decision, next?: Next): unknown
}

export const MIDDLEWARE_OPTIONS: OptionTable<MiddlewareOptions> = {
  ...GUARD_OPTIONS,
  onLimited: true,
}

/** As Express and Connect call it; or by hand in node:http, where it tells whether the request may go on. */
export interface RateLimitMiddleware<Req extends NodeRequest, Res extends NodeResponse> {
  (request: Req, response: Res, next: Next): void
  (request: Req, response: Res): boolean | Promise<boolean>
}

/**
 * Limits requests of Express, Connect and node:http.
 *
 * Callers are told by `RateLimit-Policy` and `RateLimit` how they stand; a denied request is answered 429 with
 * `Retry-After`. Where the storage cannot be asked, the limiter's `onStorageError` decides; with `'throw'` the error goes
 * to `next`, with `status` 503 (413 where a request costs more than the limit ever holds). Without `next` it is
 * answered with that status.
 *
 * @example
 * const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1m' })
 * app.use(rateLimitMiddleware(limiter))
 *
 * @example
 * const guard = rateLimitMiddleware(limiter)
 * http.createServer(async (req, res) => {
 *   if (await guard(req, res)) res.end('hello')
 * })
 */
export function rateLimitMiddleware<
  Req extends NodeRequest = NodeRequest,
  Res extends NodeResponse = NodeResponse,
>(
  limiter: GuardLimit<Req>,
  options: MiddlewareOptions<Req, Res> = {},
): RateLimitMiddleware<Req, Res> {
  known('rateLimitMiddleware', options, MIDDLEWARE_OPTIONS)
  const guard = judgeOf<Req>(limiter, options)

  function proceed(judged: Judgement | undefined, req: Req, res: Res, next?: Next): boolean {
    if (judged === undefined) {
      next?.()
      return true
    }
    whenAnswered(req, res, judged.leave)
    writeFields(nodeHeaders, res, judged.fields)
    if (judged.refusal === undefined) {
      next?.()
      return true
    }
    // Another part, a timeout for example, has answered while the limiter was asked.
    if (res.headersSent) return false
    res.statusCode = judged.refusal.status
    if (options.onLimited === undefined) send(res, judged.refusal)
    else {
      answerOf(() => options.onLimited?.(req, res, judged.decision, next)).catch((error) =>
        failed(error, res, next),
      )
    }
    return false
  }

  return ((req: Req, res: Res, next?: Next) => {
    let judged: ReturnType<typeof guard.judge>
    try {
      judged = guard.judge(req)
    } catch (error) {
      return failed(error, res, next)
    }
    if (!isThenable(judged)) return proceed(judged, req, res, next)
    return judged.then(
      (judgement) => proceed(judgement, req, res, next),
      (error) => failed(error, res, next),
    )
  }) as RateLimitMiddleware<Req, Res>
}

function failed(error: unknown, res: NodeResponse, next?: Next): false {
  if (next !== undefined) {
    next(failureOf(error))
    return false
  }
  const refusal = refusalOf(error)
  if (refusal === undefined) throw failureOf(error)
  if (res.headersSent) return false
  res.statusCode = refusal.status
  send(res, refusal)
  return false
}

function send(res: NodeResponse, { body }: Refusal): void {
  res.setHeader('Content-Type', PROBLEM_JSON)
  res.end(body)
}
