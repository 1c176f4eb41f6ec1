import { must, mustHave } from '../core/check.ts'
import { setTraceCarrier } from '../core/trace-carrier.ts'

/** The parts of @opentelemetry/api that write a trace into headers and read it back. */
export interface OtelApi {
  propagation: {
    // biome-ignore lint/suspicious/noExplicitAny: its own types are more than what is needed here.
    inject(context: any, carrier: Record<string, string>): void
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    extract(context: any, carrier: Readonly<Record<string, string>>): any
  }
  context: {
    active(): unknown
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    with<R>(context: any, fn: () => R): R
  }
}

/**
 * Makes the trace context of the caller of `put` travel with each job that is kept in a storage. The handler runs in this context, also
 * in another process: a span of {@link traced} has the span of the caller as its parent. Call it once in each process, after the set-up
 * of the SDK. Jobs in memory keep their context without it.
 *
 * @example
 * import { context, propagation } from '@opentelemetry/api'
 * carryTraces({ context, propagation })
 *
 * @returns a function that ends it
 * @throws OptionTypeError naming the part that is missing
 */
export function carryTraces(api: OtelApi): () => void {
  must(typeof api === 'object' && api !== null, 'api', 'be { context, propagation }', api)
  const { propagation, context } = api
  mustHave('propagation', propagation, 'inject')
  mustHave('context', context, 'active')
  return setTraceCarrier({
    headers() {
      const headers: Record<string, string> = {}
      propagation.inject(context.active(), headers)
      return headers
    },
    within: (headers, fn) => context.with(propagation.extract(context.active(), headers), fn),
  })
}
