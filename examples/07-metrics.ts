// What goes on: counted by name, told by the parts themselves, shown to Prometheus and to people.
// Run it: npx tsx examples/07-metrics.ts
import { LimiterFactory } from 'aioflux'
import { ConsoleMonitor, Metrics, PrometheusExporter } from 'aioflux/metrics'
import { ManualClock } from 'aioflux/testing'

const metrics = new Metrics() // or `metrics` of aioflux/metrics: one for the process

metrics.incr('jobs_done')
metrics.gauge('queue_length', 17, { queue: 'mail' })
metrics.timing('render_seconds', 0.012)

const requests = metrics.counter('requests', { help: 'Requests served.' })
const gets = requests.with({ method: 'GET' }) // looked up once; from then on it is an addition
gets.inc()

const { counters, gauges, histograms } = metrics.getStats()
console.log(counters) // => { jobs_done: 1, 'requests{method="GET"}': 1 }
console.log(gauges) // => { 'queue_length{queue="mail"}': 17 }
console.log(histograms['render_seconds']) // => { count: 1, mean: 0.012, p50: 0.012, p95: 0.012, p99: 0.012 }

// A block of code, however it is left.
{
  using _timer = metrics.timer('render_seconds')
  await Promise.resolve()
}
const answer = await metrics.time('render_seconds', async () => 42)
console.log(answer, metrics.getStats().histograms['render_seconds']?.count) // => 42 3

// Parts that are given `metrics` tell what they do.
const limiter = LimiterFactory.tokenBucket({ rate: 2, per: '1m', name: 'api', metrics })
for (let i = 0; i < 5; i++) limiter.allow('ann')

// For Prometheus: on a port of its own, or `exporter.handler` in a server of yours.
const exporter = new PrometheusExporter({ metrics, port: 0 }) // 9464 unless you say otherwise
await exporter.start()
const response = await fetch(`http://127.0.0.1:${exporter.port}/metrics`)
const lines = (await response.text()).split('\n')
console.log(lines.filter((line) => /^(jobs|requests|aioflux_limiter_dec)/.test(line)).join('\n'))
// => jobs_done_total 1
// => requests_total{method="GET"} 1
// => aioflux_limiter_decisions_total{limiter="api",outcome="allowed"} 2
// => aioflux_limiter_decisions_total{limiter="api",outcome="denied"} 3
await exporter.stop()

// For people: totals, rates and percentiles, every ten seconds. Here on a clock of our own.
// #region console
const clock = new ManualClock()
const shown = new Metrics()
const monitor = new ConsoleMonitor({
  metrics: shown,
  checkInterval: '10s',
  write: (text) => console.log(text.trim()),
  clock,
}).start()
shown.incr('jobs_done', 30)
clock.advance('10s')
// => aioflux, up 10 s
// =>
// => Counters    total   per second   trend
// => jobs_done      30          3.0                      …
await monitor.stop()
// #endregion
