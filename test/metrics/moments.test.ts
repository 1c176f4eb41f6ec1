import { ConsoleMonitor, Metrics, PrometheusExporter } from 'aioflux/metrics'
import { ManualClock } from 'aioflux/testing'
import { expect, it } from 'vitest'

it('the monitor shows a moment as a date, and a length of time as one', () => {
  const metrics = new Metrics()
  metrics.gauge('last_backup_timestamp_seconds', 1_796_000_000)
  metrics.gauge('process_start_time_seconds', 1_796_000_000.75)
  metrics.gauge('age_seconds', 7200 * 24)
  metrics.gauge('far_seconds', 1e300)
  let text = ''
  const write = (more: string) => {
    text += more
  }
  new ConsoleMonitor({ metrics, write, clock: new ManualClock() }).show()
  expect(text.match(/2026-11-30 00:53:20Z/g)).toHaveLength(2)
  expect(text).toMatch(/age_seconds +48 h/)
  expect(text).not.toContain('499,000 h')
})

it('an exporter has a port from its start to its end, also where the one comes before the other has come about', async () => {
  const exporter = new PrometheusExporter({ port: 0, metrics: new Metrics() })
  await exporter.start()
  expect(exporter.port).toBeGreaterThan(0)
  await exporter.stop()
  expect(exporter.port).toBeUndefined()
  const starting = exporter.start()
  await exporter.stop()
  await starting
  expect(exporter.port).toBeUndefined()
  await exporter.start()
  const stopping = exporter.stop()
  await exporter.start()
  await stopping
  expect(exporter.port).toBeGreaterThan(0)
  await exporter.stop()
})
