import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CircuitBreaker, LimiterFactory, QueueFactory } from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { get, messages, post } from '../dashboard/client.ts'
import { serve } from '../dashboard/servers.ts'

const short = process.env['AIOFLUX_SHORT'] === '1'
const access = () => 'all' as const

/** Milliseconds of a processor that this process has used since. */
function used(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

describe('many who look', () => {
  it('100 viewers of the stream cost little of a core', { timeout: 120_000 }, async () => {
    const limiters = Array.from({ length: 20 }, (_, i) =>
      LimiterFactory.tokenBucket({ rate: 10, name: `limiter-${i}` }),
    )
    const queues = Array.from({ length: 10 }, (_, i) =>
      QueueFactory.fifo<number>({ name: `queue-${i}`, handler: async () => {} }),
    )
    const breakers = Array.from({ length: 5 }, (_, i) => new CircuitBreaker({ name: `b-${i}` }))
    for (const queue of queues) queue.start()
    await using server = await serve(dashboard({ limiters, queues, breakers, access }))
    // Each figure of each part changes each second, so that all of it is sent.
    const traffic = setInterval(() => {
      for (const limiter of limiters) for (let i = 0; i < 5; i++) limiter.allow(`key-${i}`)
      for (const queue of queues) void queue.put(1)
      for (const breaker of breakers) void breaker.call(async () => {})
    }, 200)
    const seconds = short ? 5 : 20
    const script = fileURLToPath(new URL('dashboard-viewer.mjs', import.meta.url))
    const child = spawn(process.execPath, [script, server.url, '100', String(seconds)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      expect((await lines.next()).value).toBe('open')
      const [cpu, began] = [process.cpuUsage(), performance.now()]
      expect((await lines.next()).value).toBe('heard')
      const [ms, wall] = [used(cpu), performance.now() - began]
      console.log(
        `dashboard: 100 viewers, 35 parts: ${(ms / seconds).toFixed(1)} ms of a core for each second's state, ${((100 * ms) / wall).toFixed(1)} % of a core`,
      )
      // 50 is 5 % of a core; traffic and the tests themselves are in it, on a machine that may be slow.
      expect(ms / seconds).toBeLessThan(150)
    } finally {
      clearInterval(traffic)
      child.kill()
      for (const queue of queues) await queue.stop({ mode: 'drop' })
    }
  })
})

describe('answers about much', { timeout: 300_000 }, () => {
  const KEYS = 10_000
  const JOBS = 1_000_000
  beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterAll(() => void vi.useRealTimers())

  const kinds = {
    fifo: () => QueueFactory.fifo<number>({ name: 'q', maxSize: 2 * JOBS }),
    priority: () =>
      QueueFactory.priority<number>({ name: 'q', maxSize: 2 * JOBS, priorityFn: (i) => i % 10 }),
    'priority with groups': () =>
      QueueFactory.priority<number>({ name: 'q', maxSize: 2 * JOBS, group: (i) => `g${i % 5000}` }),
    delay: () => QueueFactory.delay<number>({ name: 'q', maxSize: 2 * JOBS }),
  }

  it.each(Object.entries(kinds))(
    'a queue of a million (%s), 10,000 keys denied',
    async (kind, make) => {
      const queue = make()
      for (let i = 0; i < JOBS; i += 10_000) {
        const items = Array.from({ length: 10_000 }, (_, j) => i + j)
        await queue.putMany(items, kind === 'delay' ? { delay: '1h' } : {})
      }
      const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1h', name: 'l' })
      await using server = await serve(dashboard({ limiters: [limiter], queues: [queue], access }))
      const state = kind === 'delay' ? 'delayed' : 'waiting'
      const passed = () => vi.setSystemTime(Date.now() + 1000)
      const told: string[] = []
      // The first look of all: nothing has been worked out before.
      const first = process.cpuUsage()
      await get(server.url, 'api/state')
      told.push(`the first state ${used(first).toFixed(0)} ms`)
      expect.soft(used(first), 'the first state').toBeLessThan(100)
      await post(server.url, 'api/limiters/l/whatif', { quota: { rate: 2, per: 3600, burst: 2 } })
      const deny = () => {
        for (let i = 0; i < 2 * KEYS; i++) limiter.allow(`key-${i % KEYS}`)
      }
      deny()
      const { jobs, cursor } = await get(server.url, `api/queues/q/jobs?state=${state}`)
      const answers: Record<string, () => Promise<unknown>> = {
        state: () => get(server.url, 'api/state'),
        stream: async () => {
          const leave = new AbortController()
          const stream = messages(server.url, leave.signal)
          const { value } = await stream.next()
          expect(value.event).toBe('snapshot')
          leave.abort()
          await stream.next().catch(() => {})
        },
        jobs: () => get(server.url, `api/queues/q/jobs?state=${state}`),
        'more jobs': () =>
          get(server.url, `api/queues/q/jobs?state=${state}&cursor=${encodeURIComponent(cursor)}`),
        'the deepest page': () =>
          get(server.url, `api/queues/q/jobs?state=${state}&cursor=${10_000}`),
        'a job of a list': () => get(server.url, `api/queues/q/jobs/${jobs[50].id}`),
        'groups and deaths': () => get(server.url, 'api/queues/q'),
        'a key': () => get(server.url, 'api/limiters/l/keys/key-5'),
      }
      for (const [name, answer] of Object.entries(answers)) {
        const costs: number[] = []
        for (let i = 0; i < 5; i++) {
          // What was sampled before is old: all parts are asked.
          passed()
          const since = process.cpuUsage()
          await answer()
          costs.push(used(since))
        }
        told.push(`${name} ${median(costs).toFixed(0)} ms`)
        expect.soft(median(costs), name).toBeLessThan(100)
      }
      // An id that no list shows is searched among all jobs, which lie anywhere in memory; the ninth search makes a table of them.
      const searches: number[] = []
      for (let i = 0; i < 9; i++) {
        const since = process.cpuUsage()
        const { id } = await get(server.url, `api/queues/q/jobs/${500_001 + i * 7919}`)
        searches.push(used(since))
        expect(id).toBe(String(500_001 + i * 7919))
      }
      told.push(`a search for an id ${searches.map((ms) => ms.toFixed(0)).join()} ms`)
      expect.soft(median(searches), 'a search').toBeLessThan(100)
      // Keys are counted while somebody looks: by the fake clock nobody has looked for a while.
      passed()
      await get(server.url, 'api/state')
      deny()
      passed()
      const { queues, limiters } = await get(server.url, 'api/state')
      expect(queues.q).toMatchObject({ [state]: JOBS })
      expect(limiters.l.top).toMatchObject({ more: true })
      console.log(`dashboard: ${kind} with ${JOBS} jobs, ${KEYS} keys: ${told.join(', ')}`)
      await queue.stop({ mode: 'drop', deadline: 0 })
    },
  )
})
