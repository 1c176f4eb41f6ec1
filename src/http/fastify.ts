import { known, type OptionTable, oneOf } from '../core/check.ts'
import type { Decision } from '../core/decision.ts'
import { isThenable } from '../core/thenable.ts'
import type { Limiter } from '../limiters/limiter.ts'
import type { Judgement } from './guard.ts'
import { GUARD_OPTIONS, type GuardLimit, type GuardOptions } from './guard-options.ts'
import { judgeOf } from './judge-of.ts'
import type { NodeResponse } from './node.ts'
import { whenAnswered } from './node-end.ts'
import { answerOf, failureOf, PROBLEM_JSON } from './refusal.ts'
import { type HeaderAccess, writeFields } from './write-fields.ts'

/** What is needed of a request of Fastify. */
export interface FastifyRequestLike {
  readonly ip: string
  readonly headers: Record<string, string | string[] | undefined>
  readonly raw: object
}

/** What is needed of a reply of Fastify. */
export interface FastifyReplyLike {
  readonly raw: NodeResponse
  readonly sent: boolean
  code(status: number): unknown
  header(name: string, value: string): unknown
  getHeader(name: string): number | string | string[] | undefined
  send(payload?: unknown): unknown
}

/** What is needed of Fastify itself. */
export interface FastifyLike {
  // biome-ignore lint/suspicious/noExplicitAny: its hooks are typed by all that a route can be.
  addHook(name: any, hook: any): unknown
}

/** A function may say `(request: FastifyRequest)` for its argument, to see all of it. */
export interface RateLimitPluginOptions extends Omit<GuardOptions<FastifyRequestLike>, 'limiter'> {
  /** What counts: a limiter, or several that have to agree; or what chooses one for a request. */
  limiter:
    | GuardLimit<FastifyRequestLike>
    | ((request: FastifyRequestLike) => Limiter | Promise<Limiter>)
  /** When to ask: `'preHandler'` for keys that authentication finds out. @default 'onRequest' */
  hook?: 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler'
  /**
   * Answers a denied request: with `reply.send`, or by what it returns. The status and the fields are set
   * already.
   * @default a problem of RFC 9457
   */
  onLimited?(request: FastifyRequestLike, reply: FastifyReplyLike, decision: Decision): unknown
}

export const RATE_LIMIT_PLUGIN_OPTIONS: OptionTable<RateLimitPluginOptions> = {
  ...GUARD_OPTIONS,
  limiter: true,
  hook: true,
  onLimited: true,
}

/** What `register` itself takes: Fastify hands it on to the plugin. */
const REGISTER_OPTIONS = { prefix: true, logLevel: true, logSerializers: true }

type Done = (error?: Error) => void

export const replyHeaders: HeaderAccess<FastifyReplyLike> = {
  read: (reply, name) => {
    const value = reply.getHeader(name)
    return Array.isArray(value) ? value.join(', ') : value?.toString()
  },
  write: (reply, name, value) => void reply.header(name, value),
}

/**
 * Limits requests of Fastify: all routes of the scope in which it is registered. As {@link rateLimitMiddleware}; errors
 * go to Fastify's error handler, with `statusCode`.
 *
 * @example
 * app.register(rateLimitPlugin, { limiter: LimiterFactory.tokenBucket({ rate: 100, per: '1m' }) })
 */
export function rateLimitPlugin(
  fastify: FastifyLike,
  options: RateLimitPluginOptions,
  done: Done,
): void {
  known('rateLimitPlugin', options, { ...RATE_LIMIT_PLUGIN_OPTIONS, ...REGISTER_OPTIONS })
  const { limiter, hook = 'onRequest', onLimited } = options
  oneOf('hook', hook, ['onRequest', 'preParsing', 'preValidation', 'preHandler'])
  const guard =
    typeof limiter === 'function'
      ? judgeOf<FastifyRequestLike>(undefined, { ...options, limiter })
      : judgeOf<FastifyRequestLike>(limiter, withoutLimiter(options))

  function proceed(
    judged: Judgement | undefined,
    req: FastifyRequestLike,
    reply: FastifyReplyLike,
    next: Done,
  ): void {
    if (judged === undefined) return next()
    whenAnswered(req.raw, reply.raw, judged.leave)
    writeFields(replyHeaders, reply, judged.fields)
    if (judged.refusal === undefined) return next()
    // Another part, a timeout for example, has answered while the limiter was asked.
    if (reply.sent) return
    reply.code(judged.refusal.status)
    if (onLimited !== undefined) {
      answerOf(() => onLimited.call(options, req, reply, judged.decision)).then((payload) => {
        if (payload !== undefined && payload !== reply && !reply.sent) reply.send(payload)
      }, next)
      return
    }
    reply.header('content-type', PROBLEM_JSON)
    reply.send(judged.refusal.body)
  }

  const ask = (req: FastifyRequestLike, reply: FastifyReplyLike, next: Done) => {
    const failed = (error: unknown) => next(failureOf(error) as Error)
    let judged: ReturnType<typeof guard.judge>
    try {
      judged = guard.judge(req)
    } catch (error) {
      return failed(error)
    }
    if (isThenable(judged)) judged.then((one) => proceed(one, req, reply, next), failed)
    else proceed(judged, req, reply, next)
  }
  // The hook before parsing is handed the payload too.
  const asked =
    hook === 'preParsing'
      ? (req: FastifyRequestLike, reply: FastifyReplyLike, _payload: unknown, next: Done) =>
          ask(req, reply, next)
      : ask
  fastify.addHook(hook, asked)
  done()
}

// By these Fastify knows a plugin that is for the scope it is registered in, and its name.
Object.assign(rateLimitPlugin, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'aioflux-rate-limit',
})

/** What a guard can be given beside its limiter. */
function withoutLimiter(options: RateLimitPluginOptions): GuardOptions<FastifyRequestLike> {
  const { limiter: _, ...rest } = options
  return rest
}
