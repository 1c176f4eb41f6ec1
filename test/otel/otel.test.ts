import { AsyncLocalStorage } from 'node:async_hooks'
import { context, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { QueueFactory, Scheduler } from 'aioflux'
import { Metrics } from 'aioflux/metrics'
import { observeMetrics, traced } from 'aioflux/otel'
import { ManualClock } from 'aioflux/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

class Reader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}

describe('observeMetrics', () => {
  it('shows all there is and all that comes as observable instruments', async () => {
    const reader = new Reader()
    const meter = new MeterProvider({ readers: [reader] }).getMeter('test')
    const metrics = new Metrics()
    metrics.counter('requests_total', { help: 'Served.' }).with({ method: 'GET' }).inc(3)
    const stop = observeMetrics(meter, metrics)
    metrics.gauge('length', 2)
    metrics
      .histogram('took', { buckets: [1, 2] })
      .with({ x: 'y' })
      .observe(1.5)
    const text = async () =>
      new PrometheusSerializer(undefined, false, undefined, true, true).serialize(
        (await reader.collect()).resourceMetrics,
      )
    expect(
      (await text()).split('\n').map((line) => line.replace(/,?otel_scope_\w+="[^"]*"/g, '')),
    ).toEqual(
      expect.arrayContaining([
        '# HELP requests_total Served.',
        'requests_total{method="GET"} 3',
        'length 2',
        'took_count_total{x="y"} 1',
        'took_sum_total{x="y"} 1.5',
        'took_bucket_total{x="y",le="1"} 0',
        'took_bucket_total{x="y",le="2"} 1',
        'took_bucket_total{x="y",le="+Inf"} 1',
      ]),
    )
    stop()
    metrics.incr('late')
    metrics.incr('requests_total', 1, { method: 'GET' })
    // The SDK goes on telling what it was told last.
    expect(await text()).toMatch(/^requests_total{method="GET".*} 3$/m)
    expect(await text()).not.toContain('late')
    expect(() => observeMetrics({} as never)).toThrow('meter must be a Meter of OpenTelemetry')
    const instrument = () => ({ addCallback() {}, removeCallback() {} })
    const empty = { createObservableCounter: instrument, createObservableGauge: instrument }
    expect(() => observeMetrics(empty, {} as never)).toThrow('metrics must be a Metrics')
  })
})

describe('traced', () => {
  const spans = new InMemorySpanExporter()
  const tracer = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(spans)],
  }).getTracer('test')
  // What @opentelemetry/context-async-hooks does, for a test that has no need of more.
  const store = new AsyncLocalStorage<typeof ROOT_CONTEXT>()
  beforeAll(() => {
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
  })
  afterAll(() => context.disable())
  beforeEach(() => spans.reset())

  it('puts a span round every attempt of a job, below the span in which it was put', async () => {
    let tries = 0
    const queue = QueueFactory.fifo({
      retry: { attempts: 2, baseDelay: 0 },
      handler: traced(
        tracer,
        async function sendMail(_mail: string) {
          expect(trace.getActiveSpan()).toBeDefined()
          await Promise.resolve()
          if (++tries === 1) throw new Error('busy')
          return 'sent'
        },
        { attributes: { tenant: 7 } },
      ),
    }).start()
    await tracer.startActiveSpan('request', async (request) => {
      expect(await queue.submit('mail')).toBe('sent')
      request.end()
    })
    await queue.stop()
    const [first, second, request] = spans.getFinishedSpans()
    expect([first?.name, second?.name, request?.name]).toEqual(['sendMail', 'sendMail', 'request'])
    for (const span of [first, second]) {
      expect(span?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId)
    }
    expect(first?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'busy' })
    expect(first?.events[0]?.name).toBe('exception')
    expect(first?.attributes).toEqual({
      tenant: 7,
      'aioflux.job.id': '1',
      'aioflux.job.attempt': 1,
    })
    expect(second?.status.code).toBe(SpanStatusCode.UNSET)
    expect(second?.attributes['aioflux.job.attempt']).toBe(2)
  })

  it('puts one round a scheduler’s job, and round what does not wait', async () => {
    const clock = new ManualClock()
    const scheduler = new Scheduler({ clock })
    scheduler.every(
      '1m',
      traced(tracer, () => 1, { name: 'tidy' }),
      { name: 'tidy up' },
    )
    scheduler.start()
    clock.advance('1m')
    await scheduler.stop()
    expect(spans.getFinishedSpans()[0]?.attributes).toMatchObject({
      'aioflux.job.name': 'tidy up',
      'aioflux.job.attempt': 1,
    })
    expect(() =>
      traced(tracer, () => {
        throw 'x'
      })(),
    ).toThrow('x')
    expect(spans.getFinishedSpans()[1]).toMatchObject({
      name: 'job',
      status: { code: SpanStatusCode.ERROR, message: 'x' },
    })
    expect(() => traced({} as never, () => 1)).toThrow('tracer must be a Tracer')
    expect(() => traced(tracer, 1 as never)).toThrow('fn must be a function')
  })
})
