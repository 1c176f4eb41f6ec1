import { LimiterFactory, QueueFactory } from 'aioflux'
import { type AccessAnswer, dashboard } from 'aioflux/dashboard'
import { describe, expect, it } from 'vitest'
import { get, post } from './client.ts'
import { serve } from './servers.ts'

const limiter = () => LimiterFactory.tokenBucket({ rate: 1, per: '1h', name: 'api' })

describe('who may see the page', () => {
  const open = (answer: unknown) =>
    serve(dashboard({ limiters: [limiter()], access: () => answer as AccessAnswer }))

  it('nobody whom access does not let: neither the page nor anything it asks for', async () => {
    await using server = await open(false)
    for (const path of ['', 'api/state', 'api/stream', 'api/limiters/api/keys/user']) {
      const stranger = await fetch(server.url + path)
      expect([path, stranger.status]).toEqual([path, 401])
      const named = await fetch(server.url + path, { headers: { authorization: 'Bearer no' } })
      expect([path, named.status]).toEqual([path, 403])
    }
    expect((await post(server.url, 'api/limiters/api/reset', { key: 'user' })).status).toBe(401)
  })

  it.each([true, undefined, null, 'yes', { may: 'write' }, {}])('%j opens nothing', async (no) => {
    await using server = await open(no)
    for (const path of ['', 'api/state']) {
      const response = await fetch(server.url + path)
      expect(response.status).toBe(500)
      expect(await response.text()).not.toContain('limiters')
    }
  })

  it('one who may read cannot act', async () => {
    for (const answer of ['read', { may: 'read', user: 'nika' }]) {
      await using server = await open(answer)
      expect((await get(server.url, 'api/state')).me).toMatchObject({ may: 'read' })
      for (const path of [
        'api/limiters/api/reset',
        'api/limiters/api/block',
        'api/limiters/none/reset',
        'api/queues/mails/pause',
        'api/queues/mails/jobs/1/remove',
        'api/breakers/gateway/isolate',
        'api/schedules/report/run',
      ]) {
        expect([path, (await post(server.url, path, { key: 'user' })).status]).toEqual([path, 403])
      }
    }
  })

  it('is asked with the request, and may take its time', async () => {
    const access = async (request: { headers: Record<string, string> }) =>
      request.headers['x-user'] === 'nika' && ({ may: 'all', user: 'nika' } as const)
    await using server = await serve(dashboard({ access }))
    expect((await fetch(server.url)).status).toBe(401)
    const headers = { 'x-user': 'nika' }
    const state = await (await fetch(`${server.url}api/state`, { headers })).json()
    expect(state).toMatchObject({ me: { may: 'all', user: 'nika' } })
  })

  it('one that throws opens nothing, and goes to the error handler where there is one', async () => {
    const board = dashboard({
      access: () => {
        throw new Error('no directory')
      },
    })
    await using server = await serve(board)
    const response = await fetch(server.url)
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('directory')
  })
})

describe('from where somebody may act', () => {
  const act = (url: string, headers: Record<string, string>) =>
    fetch(`${url}api/limiters/api/block`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ key: 'user', duration: '1m' }),
    })

  it('from the page itself, and from no other origin', async () => {
    const api = limiter()
    await using server = await serve(dashboard({ limiters: [api], access: () => 'all' }))
    const { host, origin } = new URL(server.url)
    const forged: Record<string, string>[] = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-site': 'cross-site', origin },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://${host}.evil.example` },
      { origin: `http://evil.example`, 'x-forwarded-host': 'flow.example' },
    ]
    for (const headers of forged) {
      expect([headers, (await act(server.url, headers)).status]).toEqual([headers, 403])
    }
    expect(api.allow('user')).toBe(true)
    const own: Record<string, string>[] = [
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'same-origin', origin: 'https://flow.example' },
      { origin },
      { origin: 'https://flow.example', 'x-forwarded-host': 'flow.example' },
      {},
    ]
    for (const headers of own) {
      expect([headers, (await act(server.url, headers)).status]).toEqual([headers, 200])
    }
  })

  it('by POST with JSON only, so that no form can', async () => {
    await using server = await serve(dashboard({ limiters: [limiter()], access: () => 'all' }))
    const path = `${server.url}api/limiters/api/reset`
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', '']) {
      const headers = { 'sec-fetch-site': 'same-origin', 'content-type': type }
      const form = await fetch(path, { method: 'POST', headers, body: '{"key":"user"}' })
      expect([type, form.status]).toEqual([type, 400])
    }
    expect((await fetch(path)).status).toBe(404)
    expect((await fetch(path, { method: 'DELETE' })).status).toBe(405)
    for (const body of ['[]', '1', 'null', '"key"', '']) {
      const response = await fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      expect([body, response.status]).toEqual([body, 400])
    }
  })
})

describe('what every answer carries', () => {
  it('lets the page load nothing of elsewhere, and nobody frame it', async () => {
    await using server = await serve(dashboard({ access: () => 'read' }))
    for (const path of ['', 'api/state', 'nothing']) {
      const { headers } = await fetch(server.url + path)
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      )
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('access-control-allow-origin')).toBe(null)
    }
  })
})

describe('payloads', () => {
  const scene = (show?: (job: { item: unknown }) => string | undefined) => {
    const mails = QueueFactory.fifo<{ to: string }, string>({
      name: 'mails',
      handler: async ({ to }) => {
        throw new Error(`no route for ${to.length} letters`)
      },
      keep: { dead: { count: 10 } },
    })
    mails.on('failed', () => {})
    return {
      mails,
      board: dashboard({ queues: [mails], access: () => 'all', ...(show && { show }) }),
    }
  }

  it('are hidden unless show says what may be seen', async () => {
    const { mails, board } = scene()
    await using server = await serve(board)
    const { id } = await mails.put({ to: 'secret@example.org' })
    mails.start()
    await mails.onIdle()
    await mails.put({ to: 'secret@example.org' }, { delay: '1h' })
    for (const path of [
      'api/state',
      'api/queues/mails/jobs?state=dead',
      'api/queues/mails/jobs?state=delayed',
      `api/queues/mails/jobs/${id}`,
    ]) {
      expect(JSON.stringify(await get(server.url, path)), path).not.toContain('secret')
    }
    await mails.stop({ mode: 'drop' })
  })

  it('of a job that is not there are a 404, and null for the page', async () => {
    const { board } = scene()
    await using server = await serve(board)
    const path = `${server.url}api/queues/mails/jobs/none`
    expect((await fetch(path)).status).toBe(404)
    const told = await fetch(`${path}?gone=null`)
    expect([told.status, await told.json()]).toEqual([200, null])
  })

  it('are shown as text, and not at length', async () => {
    const { mails, board } = scene((job) => `${(job.item as { to: string }).to}${'.'.repeat(1e6)}`)
    await using server = await serve(board)
    const { id } = await mails.put({ to: '<b>nika</b>' })
    const { shown } = await get(server.url, `api/queues/mails/jobs/${id}`)
    expect(shown).toMatch(/^<b>nika<\/b>\./)
    expect(shown).toHaveLength(20_000)
    const { jobs } = await get(server.url, 'api/queues/mails/jobs')
    expect(jobs[0]).not.toHaveProperty('shown')
    await mails.stop({ mode: 'drop' })
  })
})
