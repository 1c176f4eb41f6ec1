import { QueueFactory } from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { processName } from '../../../src/core/process-name.ts'
import { setTraceCarrier } from '../../../src/core/trace-carrier.ts'
import { get } from '../../dashboard/client.ts'
import { serve } from '../../dashboard/servers.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
let storage: RedisStorage
let undo: () => void
beforeAll(() => {
  storage = new RedisStorage({ url: inject('redisUrl'), prefix: 'facts', timeout: '20s' })
  undo = setTraceCarrier({
    headers: () => ({ traceparent: `00-${TRACE}-00f067aa0ba902b7-01` }),
    within: (_, fn) => fn(),
  })
})
afterAll(async () => {
  undo()
  await storage.close()
})

it.each([
  [undefined, 30 * 86_400_000],
  ['1h', 3_600_000],
] as const)(
  'a dead job tells where it failed, with its stack, its trace, and until when it is kept: keep %s',
  async (dead, age) => {
    const queue = QueueFactory.fifo<string>({
      name: `q-${crypto.randomUUID()}`,
      storage,
      retry: { attempts: 2, baseDelay: '1ms' },
      ...(dead && { keep: { dead } }),
      handler: async () => {
        throw Object.assign(new TypeError('no route'), { code: 'EROUTE' })
      },
    })
    queue.on('failed', () => {})
    await queue.put('a', { id: 'job-1' })
    await queue.start()
    await expect.poll(async () => (await queue.counts()).dead, { timeout: 8000 }).toBe(1)
    const job = await queue.job('job-1')
    expect(job?.tries.map(({ by, error }) => [by, error])).toEqual([
      [processName(), { name: 'TypeError', message: 'no route', code: 'EROUTE' }],
      [processName(), { name: 'TypeError', message: 'no route', code: 'EROUTE' }],
    ])
    expect(job?.error?.stack).toMatch(/TypeError: no route\n {4}at .*job-facts\.test/)
    expect(job?.trace).toBe(TRACE)
    expect(Number(job?.keptUntil) - Number(job?.endedAt)).toBe(age)
    await using server = await serve(dashboard({ queues: [queue], access: () => 'read' }))
    const path = `api/queues/${queue.name}/jobs`
    expect(await get(server.url, `${path}/job-1`)).toMatchObject({
      trace: TRACE,
      keptUntil: Number(job?.keptUntil),
      tries: [{ by: processName() }, {}],
      error: { stack: expect.stringContaining('job-facts') },
    })
    const { jobs } = await get(server.url, `${path}?state=dead`)
    expect(jobs[0].error).toEqual({ name: 'TypeError', message: 'no route', code: 'EROUTE' })
    await queue.stop()
  },
)

it('a dead job of a queue in memory tells its stack, and until when it is kept', async () => {
  const queue = QueueFactory.fifo<string>({
    keep: { dead: '1h' },
    handler: async () => {
      throw new TypeError('no route')
    },
  })
  queue.on('failed', () => {})
  await queue.put('a', { id: 'job-1' })
  queue.start()
  await expect.poll(async () => (await queue.counts()).dead).toBe(1)
  const job = await queue.job('job-1')
  expect(job?.error?.stack).toMatch(/TypeError: no route\n {4}at /)
  expect(job?.tries[0]).not.toHaveProperty('by')
  expect(Math.round((Number(job?.keptUntil) - Number(job?.endedAt)) / 1000)).toBe(3600)
  await queue.stop()
})
