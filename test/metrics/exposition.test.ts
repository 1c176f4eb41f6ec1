import { Metrics } from 'aioflux/metrics'
import fc from 'fast-check'
import parse from 'parse-prometheus-text-format'
import { describe, expect, it } from 'vitest'
import { exposition, type Format, formatFor } from '../../src/metrics/exposition.ts'

async function text(metrics: Metrics, format: Format = 'text'): Promise<string> {
  let all = ''
  for await (const slice of exposition(metrics, format)) all += slice
  return all
}

describe('exposition', () => {
  it('is the text format, letter for letter', async () => {
    const metrics = new Metrics()
    metrics
      .counter('requests', { help: 'Served.\nBackslash \\, "quote".' })
      .with({ m: 'GET' })
      .inc(3)
    metrics.gauge('temp.now', -1.5)
    const endless = { limit: Number.POSITIVE_INFINITY }
    metrics
      .gauge('limits')
      .with({ path: 'C:\\x "y"\nz' })
      .follow(endless, ({ limit }) => limit)
    metrics
      .histogram('took', { buckets: [0.5, 1] })
      .with({ a: 'b' })
      .observe(0.7)
    expect(await text(metrics)).toBe(
      [
        '# HELP requests_total Served.\\nBackslash \\\\, "quote".',
        '# TYPE requests_total counter',
        'requests_total{m="GET"} 3',
        '# TYPE temp_now gauge',
        'temp_now -1.5',
        '# TYPE limits gauge',
        'limits{path="C:\\\\x \\"y\\"\\nz"} +Inf',
        '# TYPE took histogram',
        'took_bucket{a="b",le="0.5"} 0',
        'took_bucket{a="b",le="1"} 1',
        'took_bucket{a="b",le="+Inf"} 1',
        'took_sum{a="b"} 0.7',
        'took_count{a="b"} 1',
        '',
      ].join('\n'),
    )
  })

  it('is OpenMetrics, letter for letter', async () => {
    const metrics = new Metrics()
    metrics.counter('requests_total', { help: 'Say "x".' }).with().inc(3)
    metrics
      .histogram('took', { buckets: [0.5, 1] })
      .with()
      .observe(0.7)
    expect(await text(metrics, 'openmetrics')).toBe(
      [
        '# HELP requests Say \\"x\\".',
        '# TYPE requests counter',
        'requests_total 3',
        '# TYPE took histogram',
        'took_bucket{le="0.5"} 0',
        'took_bucket{le="1.0"} 1',
        'took_bucket{le="+Inf"} 1',
        'took_sum 0.7',
        'took_count 1',
        '# EOF',
        '',
      ].join('\n'),
    )
  })

  it('is read back by an independent parser as it was counted', async () => {
    const name = fc.constantFrom('a', 'b_total', 'c.d', 'x-y', '9lives', 'ünicode', '<locals>')
    const labels = fc.dictionary(fc.constantFrom('user', 'path'), fc.string({ unit: 'binary' }))
    const step = fc.record({ name, labels, value: fc.nat(1000) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const metrics = new Metrics()
        const expected = new Map<string, number>()
        for (const { name, labels, value } of steps) {
          metrics.incr(name, value, labels)
          const exported = `${name
            .replace(/[^a-z0-9_]/g, '_')
            .replace(/^9/, '_9')
            .replace(/_total$/, '')}_total`
          const key = JSON.stringify([exported, Object.entries(labels).sort()])
          expected.set(key, (expected.get(key) ?? 0) + value)
        }
        const read = new Map<string, number>()
        for (const family of parse(await text(metrics))) {
          for (const { labels = {}, value } of family.metrics) {
            read.set(JSON.stringify([family.name, Object.entries(labels).sort()]), Number(value))
          }
        }
        expect(read).toEqual(expected)
      }),
      { numRuns: 100 },
    )
  })

  it('has histograms that an independent parser adds up', async () => {
    const metrics = new Metrics()
    for (const seconds of [0.0001, 0.003, 0.003, 2, 1000]) metrics.timing('took', seconds)
    const [family] = parse(await text(metrics))
    const [{ buckets = {}, count, sum } = {}] = family?.metrics ?? []
    expect([family?.type, count, Number(sum)]).toEqual([
      'HISTOGRAM',
      '5',
      expect.closeTo(1002.0061),
    ])
    expect(['0.0001', '0.005', '60', '+Inf'].map((le) => buckets[le])).toEqual(['1', '3', '4', '5'])
  })

  it('says nothing of what has nothing to say', async () => {
    const metrics = new Metrics()
    metrics.gauge('unset').with()
    metrics.counter('none')
    expect(await text(metrics)).toBe('')
    expect(await text(metrics, 'openmetrics')).toBe('# EOF\n')
  })

  it('goes slice by slice, and lets the event loop have its turn between them', async () => {
    const metrics = new Metrics({ maxSeries: 100_000 })
    for (let i = 0; i < 100_000; i++) metrics.incr('c', 1, { user: `user-${i}` })
    let turns = 0
    let over = false
    const turn = () => {
      turns += 1
      if (!over) setImmediate(turn)
    }
    setImmediate(turn)
    let slices = 0
    let longest = 0
    let lines = 0
    for await (const slice of exposition(metrics, 'text')) {
      slices += 1
      longest = Math.max(longest, slice.length)
      lines += slice.split('\n').length - 1
    }
    over = true
    expect(lines).toBe(100_001)
    // 3 MB in slices of 32 kB: the longest piece of work that is not interrupted is one slice.
    expect(longest).toBeLessThan(33_000)
    expect(slices).toBeGreaterThan(80)
    expect(turns).toBeGreaterThanOrEqual(slices - 1)
  })

  it('counts what comes and goes while it writes', async () => {
    const metrics = new Metrics({ maxSeries: 10_000 })
    for (let i = 0; i < 5000; i++) metrics.incr('c', 1, { i })
    let all = ''
    let slices = 0
    for await (const slice of exposition(metrics, 'text')) {
      all += slice
      if (slices++ === 0) {
        metrics.incr('c', 1, { i: 'late' })
        metrics.counter('c').remove({ i: 4999 })
        metrics.incr('new')
      }
    }
    expect(all).toContain('c_total{i="late"} 1\n')
    expect(all).not.toContain('i="4999"')
    expect(all.endsWith('# TYPE new_total counter\nnew_total 1\n')).toBe(true)
    expect(all.match(/# TYPE c_total/g)).toHaveLength(1)
  })

  it.each([
    [undefined, 'text'],
    ['*/*', 'text'],
    ['text/plain', 'text'],
    ['application/openmetrics-text', 'openmetrics'],
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    [
      'application/vnd.google.protobuf;q=0.7,application/openmetrics-text;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.5',
      'text',
    ],
    ['application/openmetrics-text;version=0.0.1', 'text'],
    ['application/openmetrics-text;q=0', 'text'],
    ['text/html, application/json;q=x', 'text'],
  ])('answers %s with %s', (accept, format) => {
    expect(formatFor(accept)).toBe(format)
  })
})
