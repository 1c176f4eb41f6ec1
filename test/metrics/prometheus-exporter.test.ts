import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Metrics, PrometheusExporter } from 'aioflux/metrics'
import express from 'express'
import { Hono } from 'hono'
import parse from 'parse-prometheus-text-format'
import { describe, expect, it } from 'vitest'

function counted(): Metrics {
  const metrics = new Metrics()
  metrics.incr('requests', 3, { method: 'GET' })
  return metrics
}

const LINES = '# TYPE requests_total counter\nrequests_total{method="GET"} 3\n'

describe('PrometheusExporter', () => {
  it('serves GET /metrics on a port of its own, and nothing else', async () => {
    await using exporter = await new PrometheusExporter({ port: 0, metrics: counted() }).start()
    const url = `http://127.0.0.1:${exporter.port}`
    const answer = await fetch(`${url}/metrics?x=1`)
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await answer.text()).toBe(LINES)
    expect((await fetch(url)).status).toBe(404)
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405)
    const head = await fetch(`${url}/metrics`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('speaks OpenMetrics to those who would rather have that', async () => {
    await using exporter = await new PrometheusExporter({ port: 0, metrics: counted() }).start()
    const answer = await fetch(`http://127.0.0.1:${exporter.port}/metrics`, {
      headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' },
    })
    expect(answer.headers.get('content-type')).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    )
    expect(await answer.text()).toBe(
      '# TYPE requests counter\nrequests_total{method="GET"} 3\n# EOF\n',
    )
  })

  it('starts and stops as often as it is asked to', async () => {
    const exporter = new PrometheusExporter({ port: 0, metrics: counted() })
    await exporter.stop()
    await Promise.all([exporter.start(), exporter.start()])
    const first = exporter.port
    await Promise.all([exporter.stop(), exporter.stop()])
    expect(exporter.port).toBeUndefined()
    await expect(fetch(`http://127.0.0.1:${first}/metrics`)).rejects.toThrow()
    await exporter.start()
    expect((await fetch(`http://127.0.0.1:${exporter.port}/metrics`)).status).toBe(200)
    await exporter.stop()
  })

  it('says when its port is taken, and can be started when it is free', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const exporter = new PrometheusExporter({ port, metrics: counted() })
    await expect(exporter.start()).rejects.toMatchObject({ code: 'EADDRINUSE' })
    other.close()
    await once(other, 'close')
    await exporter.start()
    await exporter.stop()
  })

  it('is a handler for the user’s own server: node:http, Express, Hono', async () => {
    const exporter = new PrometheusExporter({ metrics: counted() })
    const app = express().get('/internal/metrics', exporter.handler)
    for (const handler of [exporter.handler, app]) {
      const server = createServer(handler).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      expect(await (await fetch(`http://127.0.0.1:${port}/internal/metrics`)).text()).toBe(LINES)
      server.close()
    }
    const hono = new Hono().get('/metrics', (c) => exporter.fetch(c.req.raw))
    expect(await (await hono.request('/metrics')).text()).toBe(LINES)
    expect(exporter.fetch(new Request('http://a/', { method: 'PUT' })).status).toBe(405)
  })

  it('serves 100,000 series while the event loop goes on', async () => {
    const metrics = new Metrics({ maxSeries: 50_000 })
    for (let i = 0; i < 50_000; i++) {
      metrics.incr('requests', i, { user: `user-${i}` })
      metrics.gauge('open', i, { user: `user-${i}` })
    }
    await using exporter = await new PrometheusExporter({ port: 0, metrics }).start()
    let turns = 0
    let over = false
    const turn = () => {
      turns += 1
      if (!over) setImmediate(turn)
    }
    setImmediate(turn)
    const body = await (await fetch(`http://127.0.0.1:${exporter.port}/metrics`)).text()
    over = true
    const families = parse(body)
    expect(families.map(({ metrics }) => metrics.length)).toEqual([50_000, 50_000])
    expect(families[1]?.metrics[49_999]).toEqual({ value: '49999', labels: { user: 'user-49999' } })
    // Each slice of 32 kB is followed by a turn of the loop.
    expect(turns).toBeGreaterThan(body.length / 33_000)
  })

  it('bears a scraper that goes away in the middle', async () => {
    const metrics = new Metrics({ maxSeries: 50_000 })
    for (let i = 0; i < 50_000; i++) metrics.incr('requests', i, { user: `user-${i}` })
    await using exporter = await new PrometheusExporter({ port: 0, metrics }).start()
    const request = get(`http://127.0.0.1:${exporter.port}/metrics`)
    const [response] = await once(request, 'response')
    await once(response, 'data')
    response.destroy()
    await once(response, 'close')
    const whole = await (await fetch(`http://127.0.0.1:${exporter.port}/metrics`)).text()
    expect(whole.split('\n')).toHaveLength(50_002)
  })

  it('is stopped while it starts, and started while it stops', async () => {
    const exporter = new PrometheusExporter({ port: 0, metrics: new Metrics() })
    const starting = exporter.start()
    const stopping = exporter.stop()
    expect(exporter.stop()).toBe(stopping)
    await starting
    await stopping
    expect(exporter.port).toBeUndefined()
    const first = await exporter.start()
    const port = first.port as number
    const again = new PrometheusExporter({ port, metrics: new Metrics() })
    await exporter.stop()
    expect(exporter.port).toBeUndefined()
    await again.start()
    // The same port, before the server that has it is gone.
    void again.stop()
    await again.start()
    expect(again.port).toBe(port)
    expect(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).toBeDefined()
    await again.stop()
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow()
  })

  it('refuses what cannot be meant', () => {
    expect(() => new PrometheusExporter({ port: -1 })).toThrow('port must be a whole number >= 0')
    expect(() => new PrometheusExporter({ host: 1 as never })).toThrow('host must be a string')
    expect(() => new PrometheusExporter({ metrics: {} as never })).toThrow(
      'metrics must be a Metrics',
    )
  })
})
