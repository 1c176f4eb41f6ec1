import { known, type OptionTable } from '../core/check.ts'
import type { Decision } from '../core/decision.ts'
import { Exchange } from './exchange.ts'
import type { Field } from './fields.ts'
import type { Judgement } from './guard.ts'
import { GUARD_OPTIONS, type GuardLimit, type GuardOptions } from './guard-options.ts'
import { judgeOf } from './judge-of.ts'
import { type NodeResponse, nodeHeaders } from './node.ts'
import { whenAnswered } from './node-end.ts'
import type { RateLimited } from './rate-limited.ts'
import { answerOf, failureOf, PROBLEM_JSON, type Refusal } from './refusal.ts'
import { fetchHeaders, refusedResponse, withFields } from './response.ts'
import { writeFields } from './write-fields.ts'

/** What is needed of an event of h3: of version 1, as in Nitro 2 and Nuxt, or of version 2, as in Nitro 3. */
export interface H3EventLike {
  readonly context?: object
  /** In version 2 the Request of the web platform. */
  readonly req?: object
  /** In version 2 what the response is going to have, in version 1 the response of node. */
  readonly res?: object
  readonly node?: NodeExchange | undefined
  readonly runtime?: { readonly node?: NodeExchange | undefined } | undefined
}

interface NodeExchange {
  readonly req?: object
  readonly res?: object | undefined
}

/** What version 2 makes the response of. */
interface Prepared {
  status?: number | undefined
  readonly headers: Headers
}

/** A limit for h3 and Nitro. */
export interface H3GuardOptions<Event extends H3EventLike = H3EventLike>
  extends GuardOptions<Event> {
  /**
   * Answers a denied request, with a body, or in version 2 also with a Response. The status and the fields are set already.
   * @default a problem of RFC 9457
   */
  onLimited?(event: Event, decision: Decision): unknown
}

export const H3_GUARD_OPTIONS: OptionTable<H3GuardOptions> = { ...GUARD_OPTIONS, onLimited: true }

/**
 * Limits requests of h3 1 and 2, and so of Nitro and Nuxt. As {@link rateLimitMiddleware}; errors are thrown, with `status` and
 * `statusCode`. The decision is also in `event.context.rateLimit`.
 *
 * @example
 * const app = new H3()
 * app.use(rateLimitH3(LimiterFactory.tokenBucket({ rate: 100, per: '1m' })))
 *
 * @example
 * // Nitro and Nuxt: server/middleware/limit.ts
 * export default defineEventHandler(rateLimitH3(limiter))
 */
export function rateLimitH3<Event extends H3EventLike = H3EventLike>(
  limiter: GuardLimit<Event>,
  options: H3GuardOptions<Event> = {},
): (event: Event, next?: () => unknown) => Promise<unknown> {
  known('rateLimitH3', options, H3_GUARD_OPTIONS)
  const guard = judgeOf<Event>(limiter, options)
  return async (event, next) => {
    let judged: Judgement | undefined
    try {
      judged = await guard.judge(event)
    } catch (error) {
      throw failureOf(error)
    }
    const { rateLimit } = event as RateLimited
    if (rateLimit !== undefined && event.context) Object.assign(event.context, { rateLimit })
    if (judged === undefined) return next?.()
    const node = event.runtime?.node ?? event.node
    const { res } = node ?? {}
    if (res !== undefined) whenAnswered(node?.req, res, judged.leave)
    // In version 1 `event.res` is the response of node; in version 2 it holds what the response is made of.
    const target = event.res as Partial<Prepared> | undefined
    if (!isPrepared(target)) {
      writeFields(nodeHeaders, res as NodeResponse, judged.fields)
      return judged.refusal && refuse(event, res as NodeResponse, judged, judged.refusal, options)
    }
    const { refusal, fields, decision, leave } = judged
    writeFields(fetchHeaders, target.headers, fields)
    if (refusal !== undefined) {
      target.status = refusal.status
      const answer = await answerOf(() => options.onLimited?.(event, decision))
      const own = answer ?? refusedResponse(refusal)
      if (!(own instanceof Response)) return own
      // h3 sends the fields of such a Response alone, so the fields of earlier guards must be in it too.
      return withFields(own, fieldsOf(target.headers, fields))
    }
    if (leave === undefined || res !== undefined) return next?.()
    return watched(event.req as Request, target, next, leave)
  }
}

/** Answers in version 1: the framework sees that the response has ended, or sends what is returned. */
async function refuse<Event extends H3EventLike>(
  event: Event,
  res: NodeResponse,
  { decision }: Judgement,
  { status, body }: Refusal,
  { onLimited }: H3GuardOptions<Event>,
): Promise<unknown> {
  // Another part, a timeout for example, has answered while the limiter was asked.
  if (res.headersSent) return undefined
  res.statusCode = status
  if (onLimited !== undefined) return answerOf(() => onLimited(event, decision))
  res.setHeader('Content-Type', PROBLEM_JSON)
  res.end(body)
  return undefined
}

/** Version 2 on a runtime that is not Node: the request and the response tell of the end. */
async function watched(
  req: Request,
  res: Prepared,
  next: (() => unknown) | undefined,
  leave: (status: number | undefined) => void,
): Promise<unknown> {
  const exchange = new Exchange(req, undefined, leave)
  // Called by a handler of the app: the signal of the request is all that tells of the end.
  if (next === undefined) return undefined
  try {
    const answer = await next()
    if (answer instanceof Response) return exchange.answer(answer)
    // Of a value h3 makes the response.
    exchange.complete(res.status ?? 200)
    return answer
  } catch (error) {
    exchange.fail()
    throw error
  }
}

function isPrepared(res: Partial<Prepared> | undefined): res is Prepared {
  // The response of node has `headers` of its own under Bun: a plain object.
  return typeof res?.headers?.get === 'function'
}

/** `fields` as they stand in `headers`. */
function fieldsOf(headers: Headers, fields: readonly Field[]): Field[] {
  return fields.map(([name]) => [name, headers.get(name) ?? ''])
}
