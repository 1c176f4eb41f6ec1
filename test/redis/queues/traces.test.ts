import { AsyncLocalStorage } from 'node:async_hooks'
import { context, propagation, ROOT_CONTEXT } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { QueueFactory } from 'aioflux'
import { carryTraces, type OtelApi, traced } from 'aioflux/otel'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'

describe('the trace of a job that is kept in Redis', () => {
  const spans = new InMemorySpanExporter()
  const tracer = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(spans)],
  }).getTracer('test')
  const store = new AsyncLocalStorage<typeof ROOT_CONTEXT>()
  let storage: RedisStorage
  beforeAll(() => {
    storage = new RedisStorage({ url: inject('redisUrl'), prefix: 'traces' })
    context.setGlobalContextManager({
      active: () => store.getStore() ?? ROOT_CONTEXT,
      with: (own, fn, self, ...args) => store.run(own, () => fn.call(self as never, ...args)),
      bind: (_, target) => target,
      enable() {
        return this
      },
      disable() {
        return this
      },
    })
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  })
  afterAll(async () => {
    context.disable()
    propagation.disable()
    await storage.close()
  })
  beforeEach(() => spans.reset())

  /** Puts a job inside a span, and lets another queue of that name do it. */
  async function work(put: 'submit' | 'putMany') {
    const name = `q-${crypto.randomUUID()}`
    const producer = QueueFactory.fifo<string, string>({ name, storage })
    const worker = QueueFactory.fifo<string, string>({
      ...{ name, storage },
      handler: traced(tracer, async function sendMail(mail: string) {
        return mail
      }),
    })
    await worker.start()
    await tracer.startActiveSpan('request', async (request) => {
      if (put === 'submit') await producer.submit('mail')
      else await producer.putMany(['mail'])
      request.end()
    })
    await producer.onIdle()
    await Promise.all([producer.stop(), worker.stop()])
    const of = (span: string) => spans.getFinishedSpans().find((one) => one.name === span)
    return { request: of('request'), job: of('sendMail') }
  }

  it.each(['submit', 'putMany'] as const)('goes on in the process that works: %s', async (put) => {
    const end = carryTraces({ context, propagation })
    const { request, job } = await work(put)
    end()
    expect(job?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId)
    expect(job?.spanContext().traceId).toBe(request?.spanContext().traceId)
  })

  it('ends where it was put when traces are not carried', async () => {
    carryTraces({ context, propagation })()
    const { request, job } = await work('submit')
    expect(request).toBeDefined()
    expect(job?.parentSpanContext).toBeUndefined()
  })

  it('needs both parts of the API', () => {
    const half = { context } as unknown as OtelApi
    expect(() => carryTraces(half)).toThrow(/propagation must have inject\(\)/)
  })
})
