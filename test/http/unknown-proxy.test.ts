import { createServer, type RequestListener } from 'node:http'
import { LimiterFactory } from 'aioflux'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

// What was said once is not said again by the same copy of the module: each test has its own.
let http: typeof import('aioflux/http')
let warnings: string[]
const note = (warning: Error & { code?: string }) => {
  if (warning.code === 'AIOFLUX_UNKNOWN_PROXY') warnings.push(warning.message)
}
beforeEach(async () => {
  warnings = []
  process.on('warning', note)
  vi.resetModules()
  http = await import('aioflux/http')
})
afterEach(() => void process.off('warning', note))

/** Warnings are told in a later turn. */
const said = async () => {
  await new Promise((resolve) => setImmediate(resolve))
  return warnings
}
const from = (remoteAddress: string | undefined, headers: Record<string, string> = {}) => ({
  headers,
  socket: { remoteAddress },
})
const forwarded = { 'x-forwarded-for': '192.0.2.1' }

describe('a proxy that nobody configured', () => {
  it.each([
    ['x-forwarded-for', '192.0.2.1'],
    ['forwarded', 'for=192.0.2.1'],
    ['x-real-ip', '192.0.2.1'],
  ])('is told once, with the remedy: %s', async (header, value) => {
    for (let i = 0; i < 3; i++) http.clientIp(from('10.0.0.1', { [header]: value }))
    const [message, ...more] = await said()
    expect(more).toEqual([])
    expect(message).toContain(`10.0.0.1 has the header ${header}`)
    expect(message).toMatch(/share one count.*trustedProxies.*trust proxy.*trustProxy/s)
  })

  it('is told of requests whose address nobody knows', async () => {
    http.clientIp(new Request('http://x', { headers: forwarded }))
    expect((await said()).length).toBe(1)
  })

  it('is not told where no header says so, or where it was said whom to believe', async () => {
    http.clientIp(from('10.0.0.1'))
    http.clientIp(from('10.0.0.1', { 'x-forwarded-for': '' }))
    for (const trustedProxies of [0, 1, [], ['loopback']]) {
      http.clientIp(from('10.0.0.1', forwarded), { trustedProxies })
    }
    http.clientIp({ ip: '192.0.2.1', ...from('10.0.0.1', forwarded) })
    // Express was told, and this client came without the proxy.
    const app = { enabled: () => true }
    http.clientIp({ app, ip: '198.51.100.1', ...from('198.51.100.1', forwarded) })
    expect(await said()).toEqual([])
  })

  const limiter = () => LimiterFactory.tokenBucket({ rate: 5 })
  const asked = async (listener: RequestListener) => {
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await (await fetch(`http://127.0.0.1:${port}/`, { headers: forwarded })).text()
    server.closeAllConnections()
    server.close()
    return (await said()).length
  }

  it.each([
    ['Express, not told', undefined, 1],
    ['Express, told', 'loopback', 0],
    ['Express, told of somebody else', '203.0.113.1', 1],
  ])('%s', async (_name, trust, count) => {
    const app = express()
    if (trust !== undefined) app.set('trust proxy', trust)
    app.use(http.rateLimitMiddleware(limiter())).use((_req, res) => void res.end('ok'))
    expect(await asked(app)).toBe(count)
  })

  it.each([
    ['Fastify, not told', false, 1],
    ['Fastify, told', '127.0.0.1', 0],
    ['Fastify, told a number, which trusts nobody', 1, 1],
  ])('%s', async (_name, trustProxy, count) => {
    const app = fastify({ trustProxy: trustProxy as boolean })
    app.register(http.rateLimitPlugin, { limiter: limiter() })
    app.get('/', async () => 'ok')
    await app.ready()
    expect(await asked(app.routing as RequestListener)).toBe(count)
  })

  it.each([
    ['Koa, not told', false, 1],
    ['Koa, told', true, 0],
  ])('%s', async (_name, proxy, count) => {
    const app = new Koa({ proxy })
    app.use(http.rateLimitKoa(limiter())).use((ctx) => {
      ctx.body = 'ok'
    })
    expect(await asked(app.callback())).toBe(count)
  })
})
