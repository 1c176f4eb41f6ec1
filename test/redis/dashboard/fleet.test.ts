import { Coordinator, QueueFactory, Scheduler } from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { run } from '../../../src/cli/run.ts'
import { get, post } from '../../dashboard/client.ts'
import { type Serving, serve } from '../../dashboard/servers.ts'

/** A process that runs a queue, leads and holds a lock, and one that only looks. */
describe('what lives in Redis', () => {
  const prefix = `fleet*[${process.pid}]`
  const url = inject('redisUrl')
  const works = new RedisStorage({ url, prefix, timeout: '20s' })
  const looks = new RedisStorage({ url, prefix, timeout: '20s' })
  const mails = QueueFactory.priority<string>({
    name: 'mails',
    storage: works,
    handler: async () => {
      throw new Error('no route')
    },
  })
  const coordinator = new Coordinator({ storage: works, lockName: 'billing' })
  const scheduler = new Scheduler({ storage: works })
  let server: Serving
  beforeAll(async () => {
    mails.on('failed', () => {})
    await mails.put('a', { id: 'job-1' })
    await mails.put('b', { delay: '1h' })
    await mails.start()
    await mails.onIdle({ timeout: '5s' }).catch(() => {})
    await coordinator.acquireLeadership()
    await coordinator.lock('invoice-1')
    scheduler.every('1s', () => {}, { name: 'report' })
    scheduler.start()
    server = await serve(dashboard({ storage: looks, access: () => 'all' }))
  })
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]()
    await scheduler.stop()
    await mails.stop()
    await coordinator.close()
    await works.close()
    await looks.close()
  })
  const state = () => get(server.url, 'api/state')

  it('is seen from a process that runs none of it', async () => {
    await expect
      .poll(async () => Object.keys((await state()).schedules), { timeout: 8000 })
      .toEqual(['report'])
    const seen = await state()
    expect(seen.queues).toMatchObject({
      mails: { kind: 'priority', remote: true, here: false, delayed: 1, dead: 1 },
    })
    expect(seen.leaders).toMatchObject({ billing: { here: false, fence: expect.any(Number) } })
    expect(seen.leaders.billing.leader).toContain(String(process.pid))
    expect(seen.locks).toMatchObject({ 'invoice-1': { fence: expect.any(Number) } })
    expect(seen.storage.redis).toMatchObject({
      reachable: true,
      version: expect.stringMatching(/^\d/),
    })
  })

  it('can be acted on from there', async () => {
    expect(await (await post(server.url, 'api/queues/mails/redrive')).json()).toMatchObject({
      redriven: 1,
    })
    expect((await post(server.url, 'api/queues/mails/pause')).status).toBe(200)
    await expect.poll(() => mails.stats().paused, { timeout: 5000 }).toBe(true)
    expect((await post(server.url, 'api/queues/mails/resume')).status).toBe(200)
    await expect.poll(() => mails.stats().paused, { timeout: 5000 }).toBe(false)
    expect((await post(server.url, 'api/queues/mails/workers', { workers: 3 })).status).toBe(409)
    expect((await post(server.url, 'api/queues/mails/jobs/none/remove')).status).toBe(404)
  })

  it('stays to be seen when the last process has gone, and binds nobody who comes later', async () => {
    const last = QueueFactory.priority<string>({ name: 'orders', storage: works })
    await last.put('a', { id: 'order-1' })
    await last.put('b', { delay: '1h' })
    const empty = QueueFactory.fifo<string>({ name: 'empty', storage: works })
    await empty.counts()
    const queues = async () => (await state()).queues
    await expect
      .poll(queues, { timeout: 8000 })
      .toMatchObject({ orders: { processes: 1, kind: 'priority' }, empty: { processes: 1 } })
    await last.stop()
    await empty.stop()
    await expect.poll(queues, { timeout: 8000 }).toMatchObject({ orders: { processes: 0 } })
    expect(await queues()).not.toHaveProperty('empty')
    // Also for a dashboard that comes after them.
    await using other = await serve(dashboard({ storage: looks, access: () => 'all' }))
    await expect
      .poll(async () => (await get(other.url, 'api/state')).queues, { timeout: 8000 })
      .toMatchObject({
        orders: { kind: 'priority', processes: 0, waiting: 1, delayed: 1, here: false },
      })
    const { jobs } = await get(other.url, 'api/queues/orders/jobs?state=waiting')
    expect(jobs).toMatchObject([{ id: 'order-1' }])
    expect((await post(other.url, 'api/queues/orders/jobs/order-1/cancel')).status).toBe(200)
    // The dashboards look at it as what it was; it may become something else.
    const next = QueueFactory.fifo<string>({ name: 'orders', storage: works })
    expect(await next.counts()).toMatchObject({ waiting: 0, delayed: 1 })
    await expect
      .poll(queues, { timeout: 8000 })
      .toMatchObject({ orders: { processes: 1, delayed: 1 } })
    await next.clear()
    await next.stop()
    await expect.poll(queues, { timeout: 8000 }).not.toHaveProperty('orders')
  }, 40_000)

  it('says that nobody leads when the last who stood has gone, and that this is no trouble where it has long been so', async () => {
    const last = new Coordinator({ storage: works, lockName: 'nightly' })
    await last.acquireLeadership()
    const seen = async () => (await state()).leaders
    await expect.poll(seen, { timeout: 8000 }).toMatchObject({ nightly: { follow: [] } })
    await last.close()
    await expect.poll(async () => (await seen()).nightly?.leader, { timeout: 8000 }).toBeUndefined()
    const { leaders, troubles } = await state()
    expect(leaders).toHaveProperty('nightly')
    expect(leaders.nightly.over).toBeUndefined()
    expect(troubles).toMatchObject([{ kind: 'leader', name: 'nightly', code: 'leaderless' }])
    // One that comes later does not know when it ended.
    await using other = await serve(dashboard({ storage: looks, access: () => 'all' }))
    const told = () => get(other.url, 'api/state')
    await expect
      .poll(async () => (await told()).leaders, { timeout: 8000 })
      .toMatchObject({ nightly: { over: true } })
    expect((await told()).troubles).toEqual([])
  }, 40_000)

  it('is served by the command, to who has its token, once', async () => {
    const lines: string[] = []
    const output = { write: (text: string) => lines.push(text), isTTY: false, columns: 80 }
    const terminal = { stdin: (async function* () {})(), stdout: output, stderr: output, env: {} }
    const { dashboard: command } = await import('../../../src/cli/dashboard.ts')
    const leave = new AbortController()
    const served = command(
      ['--redis', url, '--prefix', prefix, '--port', '0', '--read-only'],
      terminal as never,
      leave.signal,
    )
    await expect.poll(() => lines.join(''), { timeout: 5000 }).toContain('token=')
    const address = lines.join('').trim()
    const { origin } = new URL(address)
    expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:/)
    expect((await fetch(`${origin}/`)).status).toBe(401)
    expect((await fetch(`${origin}/?token=guessed`)).status).toBe(403)
    const first = await fetch(address, { redirect: 'manual' })
    expect(first.status).toBe(303)
    const cookie = (first.headers.get('set-cookie') as string).split(';')[0] as string
    expect(first.headers.get('set-cookie')).toContain('HttpOnly; SameSite=Strict')
    expect((await fetch(address, { redirect: 'manual' })).status).toBe(403)
    const page = await fetch(`${origin}/api/state`, { headers: { cookie } })
    expect(await page.json()).toMatchObject({ me: { may: 'read' } })
    leave.abort()
    await served
    expect(await run(['dashboard'], terminal as never)).toBe(2)
    expect(await run(['dashboard', '--redis', 'redis://127.0.0.1:1'], terminal as never)).toBe(1)
  })
})
