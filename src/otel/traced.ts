import { callable, options as checkOptions, known, type OptionTable, text } from '../core/check.ts'
import { errorMessage } from '../core/error-text.ts'
import { describe, OptionTypeError } from '../core/errors.ts'

/** The part of a `Tracer` of @opentelemetry/api that is used. */
export interface OtelTracer {
  startActiveSpan<R>(
    name: string,
    // biome-ignore lint/suspicious/noExplicitAny: its own types are more than what is needed here.
    options: any,
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    fn: (span: any) => R,
  ): R
}

/** The part of a span of OpenTelemetry that is used. */
export interface OtelSpan {
  setStatus(status: { code: number; message?: string }): unknown
  // biome-ignore lint/suspicious/noExplicitAny: its own type is a union of shapes.
  recordException(exception: any): void
  end(): void
}

/** The name and the attributes of the spans of {@link traced}. */
export interface TraceOptions {
  /** The name of the spans. @default the name of the function, or 'job' */
  name?: string
  /** Attributes of each span, besides `aioflux.job.id`, `aioflux.job.attempt` and the others of the job. */
  attributes?: Record<string, string | number | boolean>
}

export const TRACE_OPTIONS: OptionTable<TraceOptions> = { name: true, attributes: true }

// SpanKind.CONSUMER and SpanStatusCode.ERROR: numbers of the API's stable part, written down so that the API need not be installed.
const CONSUMER = 4
const ERROR = 2

/**
 * Puts a span round every run of `fn`: the handler of a queue, a task, or the function of a scheduler's job. An error is
 * recorded and marks the span as failed; each attempt of a retried job has a span of its own.
 *
 * A queue runs its handler in the context in which the job was put, so the parent of the span is the span that was active then.
 *
 * @example
 * import { trace } from '@opentelemetry/api'
 * const tracer = trace.getTracer('my-service')
 * const queue = QueueFactory.fifo({ handler: traced(tracer, sendMail, { name: 'send mail' }) })
 * scheduler.every('1h', traced(tracer, cleanUp))
 */
export function traced<A extends unknown[], R>(
  tracer: OtelTracer,
  fn: (...args: A) => R,
  options: TraceOptions = {},
): (...args: A) => R {
  if (typeof tracer?.startActiveSpan !== 'function') {
    throw new OptionTypeError(
      'tracer',
      `tracer must be a Tracer of OpenTelemetry, got ${describe(tracer)}`,
    )
  }
  callable('fn', fn)
  known('traced', options, TRACE_OPTIONS)
  const { name = fn.name || 'job', attributes = {} } = options
  text('name', name)
  checkOptions('attributes', attributes)
  const run = (...args: A): R =>
    tracer.startActiveSpan(
      name,
      { kind: CONSUMER, attributes: { ...jobAttributes(args), ...attributes } },
      (span: OtelSpan) => {
        let result: R
        try {
          result = fn(...args)
        } catch (error) {
          fail(span, error)
          throw error
        }
        if (typeof (result as { then?: unknown } | null)?.then !== 'function') {
          span.end()
          return result
        }
        return (result as R & PromiseLike<unknown>).then(
          (value) => {
            span.end()
            return value
          },
          (error: unknown) => {
            fail(span, error)
            throw error
          },
        ) as R
      },
    )
  return Object.defineProperty(run, 'name', { value: fn.name })
}

function fail(span: OtelSpan, error: unknown): void {
  span.recordException(error)
  span.setStatus({ code: ERROR, message: errorMessage(error) })
  span.end()
}

/** The attributes of a job by the last argument, the `TaskContext` of a queue or the `JobRun` of a scheduler. */
function jobAttributes(args: readonly unknown[]): Record<string, string | number> {
  const { id, name, attempt, slot } = Object(args.at(-1)) as {
    id?: unknown
    name?: unknown
    attempt?: unknown
    slot?: unknown
  }
  if (typeof attempt !== 'number') return {}
  return {
    'aioflux.job.attempt': attempt,
    ...(typeof id === 'string' && { 'aioflux.job.id': id }),
    ...(slot instanceof Date && { 'aioflux.job.slot': slot.toISOString() }),
    ...(slot instanceof Date && typeof name === 'string' && { 'aioflux.job.name': name }),
  }
}
