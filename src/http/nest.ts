import { callable, known, type OptionTable } from '../core/check.ts'
import type { Decision } from '../core/decision.ts'
import { OptionRangeError, quoted } from '../core/errors.ts'
import { type FastifyReplyLike, replyHeaders } from './fastify.ts'
import type { Judgement } from './guard.ts'
import { GUARD_OPTIONS, type GuardLimit, type GuardOptions } from './guard-options.ts'
import { judgeOf } from './judge-of.ts'
import { type NodeResponse, nodeHeaders } from './node.ts'
import { whenAnswered } from './node-end.ts'
import { answerOf, failureOf, PROBLEM_JSON, type Refusal, refusalOf } from './refusal.ts'
import { type HeaderAccess, writeFields } from './write-fields.ts'

/** What is needed of an ExecutionContext of NestJS. */
export interface NestContext {
  getType(): string
  switchToHttp(): {
    // biome-ignore lint/suspicious/noExplicitAny: of Express or of Fastify.
    getRequest(): any
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    getResponse(): any
  }
}

/** A limit for NestJS. `Req` is the request of its platform: of Express or of Fastify. */
export interface NestGuardOptions<
  // biome-ignore lint/suspicious/noExplicitAny: the platform is chosen elsewhere.
  Req extends object = any,
> extends GuardOptions<Req> {
  /** `HttpException` of `@nestjs/common`. The guard throws one, so that filters see a denial like any other error. */
  exception: new (
    response: object,
    status: number,
  ) => Error
  /** Returns the error to throw instead. The fields are set already. @default `exception`, with a problem of RFC 9457 */
  onLimited?(context: NestContext, decision: Decision): unknown
}

export const NEST_GUARD_OPTIONS: OptionTable<NestGuardOptions> = {
  ...GUARD_OPTIONS,
  exception: true,
  onLimited: true,
}

/** A guard as NestJS calls it: `useGlobalGuards(guard)`, `@UseGuards(guard)`. */
export interface NestGuard {
  canActivate(context: NestContext): Promise<boolean>
}

/**
 * Limits requests of NestJS, over Express or Fastify: a guard for the app, a controller or a method.
 *
 * As {@link rateLimitMiddleware}; what does not get through is an HttpException with status 429, and an error of the storage one
 * with 503, so that exception filters and interceptors see them.
 *
 * @example
 * import { HttpException } from '@nestjs/common'
 *
 * const guard = rateLimitNest(limiter, { exception: HttpException })
 * app.useGlobalGuards(guard) // or @UseGuards(guard)
 *
 * @throws OptionTypeError without `exception`
 */
export function rateLimitNest<
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  Req extends object = any,
>(limiter: GuardLimit<Req>, options: NestGuardOptions<Req>): NestGuard {
  known('rateLimitNest', options, NEST_GUARD_OPTIONS)
  const { exception: HttpException, ...judging } = options
  callable('exception', HttpException)
  const guard = judgeOf<Req>(limiter, judging)
  const refused = (write: Write, { status, body }: Refusal) => {
    write('Content-Type', PROBLEM_JSON)
    return new HttpException(JSON.parse(body) as object, status)
  }
  return {
    async canActivate(context) {
      if (context.getType() !== 'http') {
        throw new OptionRangeError(
          'context',
          `rateLimitNest guards HTTP only, got a call by ${quoted(context.getType())}`,
        )
      }
      const http = context.switchToHttp()
      const request = http.getRequest() as Req
      const response = http.getResponse() as NodeResponse | FastifyReplyLike
      const write = writerOf(response)
      let judged: Judgement | undefined
      try {
        judged = await guard.judge(request)
      } catch (error) {
        const refusal = refusalOf(error)
        throw refusal === undefined
          ? failureOf(error)
          : Object.assign(refused(write, refusal), { cause: error })
      }
      if (judged === undefined) return true
      whenAnswered(rawOf(request), rawOf(response), judged.leave)
      writeFields(headersOf(response), response, judged.fields)
      if (judged.refusal === undefined) return true
      if (options.onLimited === undefined) throw refused(write, judged.refusal)
      const { decision } = judged
      throw failureOf(await answerOf(() => options.onLimited?.(context, decision)))
    },
  }
}

type Write = (name: string, value: string) => void

/** How the response of the platform is written to. */
function headersOf(
  response: NodeResponse | FastifyReplyLike,
): HeaderAccess<NodeResponse | FastifyReplyLike> {
  return ('raw' in response ? replyHeaders : nodeHeaders) as HeaderAccess<
    NodeResponse | FastifyReplyLike
  >
}

function writerOf(response: NodeResponse | FastifyReplyLike): Write {
  return (name, value) => headersOf(response).write(response, name, value)
}

/** What node:http calls it, of Express and of Fastify. */
function rawOf(message: object): object {
  return (message as { raw?: object }).raw ?? message
}
