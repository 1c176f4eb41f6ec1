import { LimiterFactory } from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
import { describe, expect, it } from 'vitest'
import { messages, post } from './client.ts'
import { frameworks } from './servers.ts'

describe.each(Object.entries(frameworks))('dashboard in %s', (name, serve) => {
  const scene = () => {
    const api = LimiterFactory.tokenBucket({ rate: 1, per: '1h', name: 'api' })
    return {
      api,
      make: (options: { basePath?: string }) =>
        dashboard({ limiters: [api], access: () => 'all', ...options }),
    }
  }

  it('serves the page, its state and its actions', async () => {
    const { api, make } = scene()
    await using server = await serve(make)
    const page = await fetch(server.url)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    const state = await (await fetch(`${server.url}api/state`)).json()
    expect(state).toMatchObject({ limiters: { api: { rule: 'token-bucket' } } })
    expect(api.allow('user')).toBe(true)
    expect(api.allow('user')).toBe(false)
    const reset = await post(server.url, 'api/limiters/api/reset', { key: 'user' })
    expect([reset.status, await reset.json()]).toEqual([200, { ok: true }])
    expect(api.allow('user')).toBe(true)
  })

  it('streams a snapshot, then what has changed', async () => {
    const { api, make } = scene()
    await using server = await serve(make)
    const leave = new AbortController()
    const stream = messages(server.url, leave.signal)
    const first = await stream.next()
    expect(first.value).toMatchObject({ event: 'snapshot', data: { me: { may: 'all' } } })
    api.allow('user')
    // On a busy machine, deltas about what was before the call, and about the late event loop, may come first.
    const keysIn = (message: typeof first.value) => message?.data.limiters?.['api']?.keys
    let next = (await stream.next()).value
    while (keysIn(next) !== 1) next = (await stream.next()).value
    expect(next).toMatchObject({ event: 'delta' })
    leave.abort()
    await stream.next().catch(() => {})
  })

  it('leads to the path with a slash, and passes other paths on', async () => {
    const { make } = scene()
    await using server = await serve(make)
    const without = server.url.slice(0, -1)
    if (new URL(server.url).pathname !== '/') {
      const answer = await fetch(without, { redirect: 'manual' })
      expect(answer.status).toBe(308)
      expect(new URL(answer.headers.get('location') as string, without).href).toBe(server.url)
      const other = await fetch(new URL('/elsewhere', server.url))
      expect(await other.text()).toBe('other')
    } else {
      expect((await fetch(`${server.url}elsewhere`)).status, name).toBe(404)
    }
  })

  it('refuses a body that is too large, and one that is no JSON', async () => {
    const { make } = scene()
    await using server = await serve(make)
    const large = await post(server.url, 'api/limiters/api/reset', { key: 'x'.repeat(70_000) })
    expect(large.status).toBe(413)
    const bad = await fetch(`${server.url}api/limiters/api/reset`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"key',
    })
    expect(bad.status).toBe(400)
    await bad.body?.cancel()
  })
})
