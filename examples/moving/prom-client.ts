// The same metrics with prom-client and with aioflux.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region before
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
// #endregion
// #region after
import { Metrics, PrometheusExporter } from 'aioflux/metrics'
// #endregion
// #region both
import { registerPrometheus } from 'aioflux/metrics'
// #endregion

const load = async () => 'user ann'
const open = new Set(['a', 'b'])

{
  // #region before
  const register = new Registry()
  const requests = new Counter({
    name: 'requests_total',
    help: 'Requests served.',
    labelNames: ['method'],
    registers: [register],
  })
  const seconds = new Histogram({
    name: 'load_seconds',
    help: 'How long loading took.',
    buckets: [0.01, 0.1, 1],
    registers: [register],
  })
  new Gauge({
    name: 'open_files',
    help: 'Files that are open.',
    registers: [register],
    collect() {
      this.set(open.size)
    },
  })

  requests.inc({ method: 'GET' })
  requests.labels('POST').inc(2)
  const end = seconds.startTimer()
  await load()
  end()

  const text = await register.metrics()
  // #endregion
  console.log(lineOf(text, 'requests_total{method="POST"}')) // => requests_total{method="POST"} 2
  console.log(lineOf(text, 'open_files ')) // => open_files 2
  // #region both
  const metrics = new Metrics()
  registerPrometheus(register, metrics) // the metrics of aioflux in the registry you have
  // #endregion
  metrics.incr('jobs_done_total')
  console.log(lineOf(await register.metrics(), 'jobs_done_total ')) // => jobs_done_total 1
}

{
  // #region after
  const metrics = new Metrics()
  const requests = metrics.counter('requests_total', { help: 'Requests served.' })
  const seconds = metrics.histogram('load_seconds', {
    help: 'How long loading took.',
    buckets: [0.01, 0.1, 1],
  })
  const files = metrics.gauge('open_files', { help: 'Files that are open.' })
  files.with().follow(open, ({ size }) => size)

  requests.with({ method: 'GET' }).inc()
  requests.with({ method: 'POST' }).inc(2)
  const began = performance.now()
  await load()
  seconds.with().observe((performance.now() - began) / 1000)

  const exporter = new PrometheusExporter({ metrics })
  const response = exporter.fetch(new Request('http://localhost/metrics'))
  const text = await response.text()
  // #endregion
  console.log(lineOf(text, 'requests_total{method="POST"}')) // => requests_total{method="POST"} 2
  console.log(lineOf(text, 'open_files ')) // => open_files 2
}

function lineOf(text: string, begin: string): string | undefined {
  return text.split('\n').find((line) => line.startsWith(begin))
}
