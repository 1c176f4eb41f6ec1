import { ConsoleMonitor, Metrics } from 'aioflux/metrics'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

describe('ConsoleMonitor', () => {
  it('writes a table that can be read, plain where it is no terminal', async () => {
    const clock = new ManualClock()
    const metrics = new Metrics()
    const written: string[] = []
    await using _ = new ConsoleMonitor({
      checkInterval: '10s',
      metrics,
      clock,
      write: (text) => written.push(text),
    }).start()
    const calls = metrics.counter('calls')
    for (let i = 1; i <= 4; i++) {
      calls.with({ path: '/a', ok: true }).inc(i * 1000)
      calls.with({ path: '/longer', ok: false }).inc(5)
      metrics.gauge('length', 10 - i)
      metrics.timing('took_seconds', 0.0012 * i)
      clock.advance('10s')
    }
    expect(written).toHaveLength(4)
    expect(written[3]).toBe(`aioflux, up 40 s

Counters                   total   per second   trend
calls
  ok=true path=/a         10,000          400                   ▂▄▆█
  ok=false path=/longer       20          0.5                   ████

Gauges   now   trend
length     6                   █▇▆▅

Histograms     per second      p50      p95      p99   trend of p95
took_seconds          0.1   2.4 ms   4.8 ms   4.8 ms                   ▂▄▆█

`)
  })

  it('shows rates from the first time on, of what came since it began', () => {
    const clock = new ManualClock()
    const metrics = new Metrics()
    const written: string[] = []
    metrics.incr('before', 1000)
    const monitor = new ConsoleMonitor({
      metrics,
      clock,
      write: (text) => written.push(text),
    }).start()
    metrics.incr('before', 20)
    metrics.incr('since', 5000)
    clock.advance('10s')
    expect(written[0]).toMatch(/before +1,020 +2\.0 /)
    expect(written[0]).toMatch(/since +5,000 +500 /)
    metrics.reset()
    metrics.incr('since', 100)
    clock.advance('10s')
    expect(written[1]).toMatch(/since +100 +10\.0 /)
    void monitor.stop()
    clock.advance('1h')
    expect(written).toHaveLength(2)
  })

  it('shows of many series those in which most happens', () => {
    const metrics = new Metrics()
    const clock = new ManualClock()
    let text = ''
    new ConsoleMonitor({ metrics, clock, write: (more) => (text = more) }).start()
    for (let i = 1; i <= 1500; i++) metrics.incr('c', i, { i, evil: '\x1b[2J' })
    clock.advance('10s')
    expect(text).toContain('i=1500 ')
    expect(text).not.toContain('i=1 ')
    expect(text).toContain('and 1,488 more')
    expect(text).not.toContain('\x1b')
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  })

  it('says so when there is nothing', () => {
    const written: string[] = []
    const metrics = new Metrics()
    const clock = new ManualClock()
    new ConsoleMonitor({ metrics, clock, write: (text) => written.push(text) }).show()
    expect(written).toEqual(['aioflux, up 0 s\nnothing has been counted yet\n\n'])
  })

  it('refuses what cannot be meant', () => {
    expect(() => new ConsoleMonitor({ checkInterval: 0 })).toThrow('checkInterval must be > 0')
    expect(() => new ConsoleMonitor({ write: 'x' as never })).toThrow('write must be a function')
    expect(() => new ConsoleMonitor({ metrics: {} as never })).toThrow('metrics must be a Metrics')
  })
})
