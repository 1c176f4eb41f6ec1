// What README and docs/metrics.md show.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region parts
import { CircuitBreaker, LimiterFactory, metrics, QueueFactory } from 'aioflux'
import { PrometheusExporter } from 'aioflux/metrics'
// #endregion

const send = async (to: string) => `sent to ${to}`

// #region parts
const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1m', name: 'api', metrics })
const breaker = new CircuitBreaker({ name: 'database', metrics })
const queue = QueueFactory.fifo({ name: 'mail', handler: send, metrics }) // send is your function
// #endregion
queue.start()
await limiter.acquire('ann')
await breaker.call(async () => 'row')
await queue.submit('ann')

const exporter = new PrometheusExporter({ port: 0 })
await exporter.start()
const text = await (await fetch(`http://127.0.0.1:${exporter.port}/metrics`)).text()
const told = text.split('\n').filter((line) => /_total\{.* [1-9]/.test(line))
for (const line of told) console.log(line)
// => aioflux_limiter_decisions_total{limiter="api",outcome="allowed"} 1
// => aioflux_breaker_calls_total{breaker="database",outcome="succeeded"} 1
// => aioflux_queue_jobs_total{outcome="completed",queue="mail"} 1
await exporter.stop()
await queue.stop()

async function inAProcessThatGoesOn(): Promise<void> {
  // #region parts

  await new PrometheusExporter().start() // http://127.0.0.1:9464/metrics
  // #endregion
}
void inAProcessThatGoesOn

const load = async () => 'page'
const render = () => {}
const files = new Set(['a', 'b'])
// #region own
const requests = metrics.counter('http_requests_total', { help: 'Requests served.' })
const gets = requests.with({ method: 'GET' }) // look a series up once
gets.inc() // then counting is an addition

metrics.incr('jobs_done') // the same by name
metrics.gauge('temperature_celsius', 21.5, { room: 'attic' })
metrics.timing('render_seconds', 0.012)
await metrics.time('load_seconds', () => load())
{
  using _timer = metrics.timer('render_seconds') // until the end of the block
  render()
}

metrics
  .gauge('open_files')
  .with()
  .follow(files, ({ size }) => size) // read whenever the metrics are read
// #endregion
const { counters, gauges, histograms } = metrics.getStats()
console.log(counters['jobs_done'], gauges['open_files'], histograms['render_seconds']?.count) // => 1 2 2
