import * as renamed from '@prometheus-io/client'
import { Metrics, registerPrometheus } from 'aioflux/metrics'
import * as original from 'prom-client'
import { describe, expect, it, vi } from 'vitest'

describe.each([
  ['prom-client', original],
  ['@prometheus-io/client', renamed as unknown as typeof original],
])('registerPrometheus with %s', (_, { Registry, Counter }) => {
  it('shows all there is and all that comes, beside the registry’s own', async () => {
    const metrics = new Metrics()
    const registry = new Registry()
    new Counter({ name: 'own', help: 'o', registers: [registry] }).inc(7)
    metrics.counter('requests', { help: 'Served.' }).with({ path: 'a"b' }).inc(3)
    const stop = registerPrometheus(registry, metrics)
    metrics.gauge('length', 2)
    metrics
      .histogram('took', { buckets: [1] })
      .with({ x: 'y' })
      .observe(0.5)
    metrics.incr('requests', 1, { path: 'a"b' })
    const text = await registry.metrics()
    expect(text.split('\n')).toEqual(
      expect.arrayContaining([
        'own 7',
        '# HELP requests_total Served.',
        '# TYPE requests_total counter',
        'requests_total{path="a\\"b"} 4',
        'length 2',
        '# TYPE took histogram',
        'took_bucket{x="y",le="1"} 1',
        'took_bucket{x="y",le="+Inf"} 1',
        'took_sum{x="y"} 0.5',
        'took_count{x="y"} 1',
      ]),
    )
    stop()
    metrics.incr('late')
    expect(await registry.metrics()).toBe('# HELP own o\n# TYPE own counter\nown 7\n')
  })

  it('shows the same in OpenMetrics', async () => {
    const metrics = new Metrics()
    metrics.incr('requests_total', 3)
    const registry = new Registry()
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
    registerPrometheus(registry, metrics)
    for (const _ of [1, 2]) {
      expect(await registry.metrics()).toBe(
        '# HELP requests requests_total\n# TYPE requests counter\nrequests_total 3\n# EOF\n',
      )
    }
  })

  it('says when the registry has a metric of that name already', () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const metrics = new Metrics()
    const registry = new Registry()
    new Counter({ name: 'a_total', help: 'o', registers: [registry] })
    new Counter({ name: 'b_total', help: 'o', registers: [registry] })
    registerPrometheus(registry, metrics)
    metrics.incr('b')
    expect(error).toHaveBeenCalledOnce()
    expect(metrics.getStats().counters).toEqual({ b: 1 })
    const late = new Metrics()
    late.incr('a')
    expect(() => registerPrometheus(registry, late)).toThrow('already been registered')
    expect(() => registerPrometheus({} as never)).toThrow('registry must have registerMetric()')
  })
})
