import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { Metrics, metrics } from '../../src/metrics/metrics.ts'

describe('Metrics', () => {
  it('counts, sets and times by name, as the original does', () => {
    const own = new Metrics()
    own.incr('jobs')
    own.incr('jobs', 4)
    own.gauge('length', 17)
    for (let i = 1; i <= 100; i++) own.timing('took', i / 100)
    expect(own.getStats()).toEqual({
      counters: { jobs: 5 },
      gauges: { length: 17 },
      histograms: {
        took: { count: 100, mean: expect.closeTo(0.505), p50: 0.5, p95: 0.95, p99: 0.99 },
      },
    })
  })

  it('keeps the true count and takes percentiles of the last 1,000 values', () => {
    const own = new Metrics()
    for (let i = 0; i < 500; i++) own.timing('took', 100)
    for (let i = 1; i <= 1000; i++) own.timing('took', i)
    const { count, mean, p50, p95, p99 } = own.getStats().histograms['took'] ?? {}
    expect({ count, p50, p95, p99 }).toEqual({ count: 1500, p50: 500, p95: 950, p99: 990 })
    expect(mean).toBeCloseTo((500 * 100 + 500_500) / 1500)
  })

  it('has percentiles as a sort of the last 1,000 has them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 2200 }),
        (all) => {
          const series = new Metrics().histogram('h').with()
          for (const value of all) series.observe(value)
          const last = all.slice(-1000).sort((a, b) => a - b)
          const rank = (p: number) => last[Math.max(0, Math.ceil(p * last.length) - 1)] ?? 0
          const { p50, p95, p99 } = series.stats()
          expect([p50, p95, p99]).toEqual([rank(0.5), rank(0.95), rank(0.99)])
        },
      ),
      { numRuns: 50 },
    )
  })

  it('has buckets that count every value once, each no further up than it belongs', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -10, max: 100, noNaN: true })),
        // -0 and 0 are one bound.
        fc.uniqueArray(fc.double({ min: -5, max: 50, noNaN: true }), {
          minLength: 1,
          selector: (bound) => bound + 0,
        }),
        (values, bounds) => {
          const buckets = bounds.map((bound) => bound + 0).sort((a, b) => a - b)
          const series = new Metrics().histogram('h', { buckets }).with()
          for (const value of values) series.observe(value)
          expect(series.cumulative()).toEqual([
            ...buckets.map((le) => [String(le), values.filter((value) => value <= le).length]),
            ['+Inf', values.length],
          ])
        },
      ),
    )
  })

  it('lets one value stand for many', () => {
    const series = new Metrics().histogram('h', { buckets: [1] }).with()
    series.observe(0.5, 10)
    series.observe(2)
    expect([series.count, series.sum, series.cumulative()]).toEqual([
      11,
      7,
      [
        ['1', 10],
        ['+Inf', 11],
      ],
    ])
  })

  it('has one series for each set of labels, whatever their order and however they are written', () => {
    const label = fc.constantFrom('a', 'b', 'le_', '_x')
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('"', '\\', '\n', ',', '="', 'a="b"', 1, true),
    )
    fc.assert(
      fc.property(fc.array(fc.dictionary(label, value), { maxLength: 30 }), (sets) => {
        const family = new Metrics().counter('c')
        const expected = new Map<string, number>()
        for (const labels of sets) {
          const entries = Object.entries(labels)
          // The other way round, and by another object: the way to the series must not matter.
          family.with(Object.fromEntries(entries)).inc()
          family.with(Object.fromEntries(entries.reverse())).inc()
          const key = JSON.stringify(entries.map(([name, v]) => [name, String(v)]).sort())
          expected.set(key, (expected.get(key) ?? 0) + 2)
        }
        const seen = [...family].map((series) => [
          JSON.stringify([...series.labels].sort()),
          series.value,
        ])
        expect(new Map(seen as [string, number][])).toEqual(expected)
      }),
    )
  })

  it('does not confuse what reads alike', () => {
    const own = new Metrics()
    own.incr('c', 1, { a: 'x', b: 'y' })
    own.incr('c', 2, { a: 'x",b="y' })
    own.incr('c', 4, { a: 1 })
    own.incr('c', 8, { a: '1' })
    expect(own.getStats().counters).toEqual({
      'c{a="x",b="y"}': 1,
      'c{a="x\\",b=\\"y"}': 2,
      'c{a="1"}': 12,
    })
  })

  it('counts what is too much in one series, says so once, and loses nothing', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const own = new Metrics({ maxSeries: 3 })
    for (let user = 0; user < 10; user++) own.incr('c', 1, { user })
    own.incr('c', 1, { user: 0 })
    own.incr('other', 1, { user: 0 })
    expect(own.getStats().counters).toEqual({
      'c{user="0"}': 2,
      'c{user="1"}': 1,
      'c{user="2"}': 1,
      'c{overflow="true"}': 7,
      'other{user="0"}': 1,
    })
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn.mock.calls[0]?.[0]).toMatch(/'c' has 3 series.*user="3"/)
  })

  it('forgets a series, which makes room for another', () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    const family = new Metrics({ maxSeries: 2 }).counter('c')
    for (const user of ['a', 'b', 'c']) family.with({ user }).inc()
    expect(family.remove({ user: 'a' })).toBe(true)
    expect(family.remove({ user: 'a' })).toBe(false)
    family.with({ user: 'd' }).inc()
    expect([...family].map(({ text }) => text)).toEqual(['user="b"', 'overflow="true"', 'user="d"'])
  })

  it('goes back to the beginning, and whoever keeps a series can go on with it', () => {
    const own = new Metrics()
    const kept = own.counter('c').with({ a: 'b' })
    kept.inc(3)
    own.gauge('g', 4)
    own.timing('t', 1)
    own.reset()
    expect(own.getStats()).toEqual({ counters: {}, gauges: {}, histograms: {} })
    kept.inc()
    own.timing('t', 2)
    expect(own.getStats().counters).toEqual({ 'c{a="b"}': 1 })
    expect(own.getStats().histograms['t']).toEqual({ count: 1, mean: 2, p50: 2, p95: 2, p99: 2 })
  })

  it('reads what others know when somebody looks, until they stop or are gone', () => {
    const own = new Metrics()
    const length = own.gauge('length').with()
    const evicted = own.counter('evicted').with()
    const one = { length: 2, evicted: 5 }
    const two = { length: 3, evicted: 1 }
    const stop = length.follow(one, (part) => part.length)
    length.follow(two, (part) => part.length)
    const stopCounting = evicted.follow(one, (part) => part.evicted)
    evicted.follow(two, (part) => part.evicted)
    expect([length.value, evicted.value]).toEqual([5, 6])
    one.length = 10
    one.evicted = 7
    expect([length.value, evicted.value]).toEqual([13, 8])
    stop()
    stopCounting()
    stopCounting()
    // What was counted stays counted, what was there is there no more.
    expect([length.value, evicted.value]).toEqual([3, 8])
    own.reset()
    two.evicted = 2
    expect([length.value, evicted.value]).toEqual([3, 1])
  })

  it('does not say what cannot be read, and shows the rest', () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const gauge = new Metrics().gauge('g').with()
    gauge.follow({}, () => 4)
    gauge.follow({}, () => {
      throw new Error('gone')
    })
    expect(gauge.value).toBe(4)
    expect(error).toHaveBeenCalledOnce()
  })

  it('times a block, a function and a promise, once each', async () => {
    const clock = new ManualClock()
    const own = new Metrics({ clock })
    {
      using _timer = own.timer('block')
      clock.advance('250ms')
    }
    const half = () => {
      clock.advance('500ms')
      return 7
    }
    expect(own.time('sync', half)).toBe(7)
    expect(() =>
      own.time('throws', () => {
        clock.advance('100ms')
        throw new Error('no')
      }),
    ).toThrow('no')
    const pending = own.time('async', async () => 'done', { kind: 'x' })
    clock.advance('1s')
    expect(await pending).toBe('done')
    const timer = own.timer('twice')
    clock.advance('10ms')
    expect([timer.stop(), timer.stop()]).toEqual([0.01, 0.01])
    const { histograms } = own.getStats()
    expect(Object.entries(histograms).map(([name, { count, p50 }]) => [name, count, p50])).toEqual([
      ['block', 1, 0.25],
      ['sync', 1, 0.5],
      ['throws', 1, 0.1],
      ['async{kind="x"}', 1, 1],
      ['twice', 1, 0.01],
    ])
  })

  it('refuses what cannot be meant, by name and value, and counts nothing then', () => {
    const own = new Metrics()
    own.incr('c')
    own.histogram('h')
    const bad: [string, () => unknown][] = [
      [
        'value must be a finite number >= 0, since counters only go up, got -1',
        () => own.incr('c', -1),
      ],
      ['value must be a finite number >= 0', () => own.incr('c', Number.NaN)],
      ['seconds must be a finite number', () => own.timing('h', Number.NaN)],
      ["name 'c' is a counter already, and cannot be a gauge", () => own.gauge('c', 1)],
      ["name 'c' is a counter already, and cannot be a histogram", () => own.timing('c', 1)],
      [
        "name 'c_total' would be exported as 'c', which metric 'c' has already",
        () => own.incr('c_total'),
      ],
      [
        "name 'h_count' would be exported as 'h_count', which metric 'h' has already",
        () => own.gauge('h_count', 1),
      ],
      ['name must be a string that is not empty', () => own.incr('')],
      ["got 'a-b'", () => own.incr('c', 1, { 'a-b': 1 })],
      ["got '__a'", () => own.incr('c', 1, { __a: 1 })],
      ["got 'le'", () => own.timing('h', 1, { le: 1 })],
      ['labels.a must be a string', () => own.incr('c', 1, { a: undefined as never })],
      ['buckets must be finite and rise, got 1', () => own.histogram('x', { buckets: [1, 1] })],
      [
        'buckets must be a list of upper bounds, at least one',
        () => own.histogram('x', { buckets: [] }),
      ],
      ['maxSeries must be a whole number >= 1', () => new Metrics({ maxSeries: 0 })],
    ]
    for (const [message, run] of bad) expect(run, message).toThrow(message)
    expect(own.getStats()).toEqual({ counters: { c: 1 }, gauges: {}, histograms: {} })
  })

  it('is one for the whole process, however many copies of the package there are', async () => {
    vi.resetModules()
    const copy = await import('../../src/metrics/metrics.ts')
    expect(copy.Metrics).not.toBe(Metrics)
    expect(copy.metrics).toBe(metrics)
  })
})
