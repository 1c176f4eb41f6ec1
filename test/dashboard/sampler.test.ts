import { once } from 'node:events'
import { LimiterFactory, QueueFactory } from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { get, messages, post } from './client.ts'
import { serve } from './servers.ts'

const limiter = () => LimiterFactory.tokenBucket({ rate: 1, per: '1h', name: 'api' })
const access = () => 'all' as const

/** A limiter that counts how often it is asked how it is. */
function counted() {
  const api = limiter()
  const ask = vi.spyOn(api, 'getStats')
  return { api, asked: () => ask.mock.calls.length }
}

describe('how often parts are asked', () => {
  afterEach(() => void vi.useRealTimers())

  it('never while nobody looks, where no history is kept; each 5 s where one is', async () => {
    vi.useFakeTimers()
    const [none, kept] = [counted(), counted()]
    const still = dashboard({ limiters: [none.api], history: 0, access })
    const keeps = dashboard({ limiters: [kept.api], access })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(vi.getTimerCount()).toBe(1)
    expect(none.asked()).toBe(0)
    expect(kept.asked()).toBe(13)
    await still.close()
    await keeps.close()
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(kept.asked()).toBe(13)
  })

  it('once a second, however many look', async () => {
    const { api, asked } = counted()
    await using server = await serve(dashboard({ limiters: [api], history: 0, access }))
    const leave = new AbortController()
    const streams = Array.from({ length: 20 }, () => messages(server.url, leave.signal))
    await Promise.all(streams.map((stream) => stream.next()))
    const before = asked()
    const last = streams.map(() => 0)
    const states = new Set<number>()
    // The keys change, so that each second has something to tell.
    for (let i = 0; i < 2; i++) {
      api.allow(`user-${i}`)
      const told = await Promise.all(streams.map((stream) => stream.next()))
      // Each state is sent to each page once.
      for (const [page, { value }] of told.entries()) {
        expect(value.data.at).toBeGreaterThan(last[page] as number)
        last[page] = value.data.at
        states.add(value.data.at)
      }
    }
    // One look for each state, and perhaps one more for a state that has not been read yet.
    expect(asked() - before).toBeLessThanOrEqual(states.size + 1)
    leave.abort()
    await Promise.all(streams.map((stream) => stream.next().catch(() => {})))
  })

  it('once for all who poll within a second', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const { api, asked } = counted()
    await using server = await serve(dashboard({ limiters: [api], history: 0, access }))
    for (let i = 0; i < 10; i++) await get(server.url, 'api/state')
    expect(asked()).toBe(1)
    vi.setSystemTime(Date.now() + 1000)
    await get(server.url, 'api/state')
    expect(asked()).toBe(2)
  })

  it('not any more when the last one has left, and calls are not listened to', async () => {
    const { api } = counted()
    vi.useFakeTimers({ toFake: ['Date'] })
    const board = dashboard({ limiters: [api], history: 0, access })
    let closed: Promise<unknown> | undefined
    await using server = await serve(board, ({ url }, response) => {
      if (url === '/api/stream') closed = once(response, 'close')
    })
    const leave = new AbortController()
    const stream = messages(server.url, leave.signal)
    await stream.next()
    for (let i = 0; i < 5; i++) api.allow('user')
    expect((await get(server.url, 'api/state')).limiters.api.top).toBeDefined()
    // A page that has polled looks for ten seconds. Runtimes differ in when the server notices that a client has left.
    vi.setSystemTime(Date.now() + 60_000)
    leave.abort()
    await stream.next().catch(() => {})
    await closed
    const { api: part } = (await get(server.url, 'api/state')).limiters
    // Who looks again begins anew: nothing was counted meanwhile.
    expect(part.top.list).toEqual([])
  })
})

describe('a longer past', () => {
  it('is answered, and what is asked wrongly is told', async () => {
    await using server = await serve(dashboard({ limiters: [limiter()], access }))
    await get(server.url, 'api/state')
    const past = await get(server.url, 'api/past?seconds=86400')
    expect(past.times.length).toBeGreaterThan(0)
    const lists = Object.values(past.series as Record<string, unknown[][]>).flat()
    expect(lists.length).toBeGreaterThan(0)
    for (const list of lists) expect(list).toHaveLength(past.times.length)
    for (const seconds of ['0', '-1', '1.5', 'all', '86401', '']) {
      const answer = await fetch(`${server.url}api/past?seconds=${seconds}`)
      expect([seconds, answer.status]).toEqual([seconds, 400])
    }
  })
})

describe('a list of jobs', () => {
  it('goes page by page, not deeper than 10,000, and not wider than 100', async () => {
    const queue = QueueFactory.fifo<number>({ name: 'mails' })
    await queue.putMany([...Array(250).keys()])
    await using server = await serve(dashboard({ queues: [queue], access }))
    const ids: string[] = []
    let cursor = ''
    do {
      const page = await get(server.url, `api/queues/mails/jobs?cursor=${cursor || 0}`)
      ids.push(...page.jobs.map(({ id }: { id: string }) => id))
      cursor = page.cursor ?? ''
    } while (cursor !== '')
    expect(new Set(ids).size).toBe(250)
    for (const query of ['cursor=10001', 'cursor=deep', 'limit=101', 'limit=0', 'state=lost']) {
      const answer = await fetch(`${server.url}api/queues/mails/jobs?${query}`)
      expect([query, answer.status]).toEqual([query, 400])
    }
    await queue.stop({ mode: 'drop' })
  })
})

describe('what is told of an action', () => {
  it('who did what to whom, and why; bounded', async () => {
    const api = limiter()
    const board = dashboard({
      limiters: [api],
      access: () => ({ may: 'all', user: `nika${'!'.repeat(2000)}` }),
    })
    await using server = await serve(board)
    for (let i = 0; i < 210; i++) {
      const reason = `why ${i} ${'.'.repeat(1000)}`
      await post(server.url, 'api/limiters/api/block', { key: `key-${i}`, duration: '1m', reason })
    }
    const { happened } = await get(server.url, 'api/state')
    expect(happened).toHaveLength(200)
    expect(happened.at(-1)).toMatchObject({
      kind: 'limiter',
      name: 'api',
      action: 'block',
      target: 'key-209',
      detail: '1m',
      who: expect.stringMatching(/^nika!+…$/),
      reason: expect.stringMatching(/^why 209 \.+…$/),
    })
    expect(happened.at(-1).reason.length).toBeLessThanOrEqual(500)
    expect(happened.at(-1).who.length).toBeLessThanOrEqual(500)
  })
})
