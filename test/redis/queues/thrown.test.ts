import { type Job, type JobFailedError, QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { clients, libraries, type OpenClient } from '../../support/clients.ts'
import { thrown } from '../../support/thrown.ts'
import { until } from '../../support/until.ts'

describe.each(libraries)('what handlers may throw, by %s', (library) => {
  let open: OpenClient
  let storage: RedisStorage
  beforeAll(async () => {
    open = await clients[library](inject('redisUrl'))
    storage = new RedisStorage({ client: open.client, prefix: `thrown-${crypto.randomUUID()}` })
  })
  afterAll(async () => {
    await storage.close()
    open.end()
  })

  it.each([undefined, null, 5, new Error('bad')])(
    'a codec that throws %s ends the one job that cannot be read',
    async (error) => {
      const decode = (data: unknown) => {
        if (data === '"bad"') throw error
        return JSON.parse(data as string)
      }
      const queue = QueueFactory.fifo<string, string>({
        name: `codec-${error}`,
        storage,
        workers: 3,
        codec: { name: 'picky', encode: (item) => JSON.stringify(item), decode },
        handler: (item) => item,
      })
      queue.on('failed', () => {})
      const jobs = await queue.putMany(['first', 'bad', 'last'])
      const results = Promise.all(
        jobs.map(({ result }) =>
          result.catch(({ cause }: JobFailedError) => (cause as Error).message),
        ),
      )
      await queue.start()
      const unread = expect.stringMatching(/^the item cannot be decoded: (undefined|null|5|bad)$/)
      expect(await results).toEqual(['first', unread, 'last'])
      await queue.stop()
    },
  )

  const reasons = [
    ...thrown,
    ['a BigInt', () => 10n],
    ['a function', () => () => {}],
    ['a circle', circle],
  ] as const

  it.each(reasons)('%s may be the reason of a signal that cancels a job', async (name, make) => {
    const reason = make()
    const queue = QueueFactory.fifo<string>({ name: `reason-${name}`, storage })
    const controller = new AbortController()
    const [waiting, running] = await queue.putMany(['a', 'b'], (item) => ({
      signal: controller.signal,
      ...(item === 'a' && { delay: '1h' }),
    }))
    const rejected = (job: Job | undefined) => job?.result.catch((error) => error === reason)
    const [claim] = await queue.claim()
    controller.abort(reason)
    expect(await rejected(waiting)).toBe(true)
    await until('the signal of the handler', () => claim?.signal.aborted)
    await claim?.fail(claim.signal.reason)
    expect(await rejected(running)).toBe(true)
    expect(await queue.counts()).toMatchObject({ delayed: 0, running: 0, dead: 0 })
    await queue.stop()
  })

  it('stop waits for a dead letter that is on its way, not past the deadline', async () => {
    for (const deadline of [undefined, '50ms'] as const) {
      let sent: (() => void) | undefined
      const queue = QueueFactory.fifo<string>({
        name: `letters-${deadline}`,
        storage,
        deadLetter: () => new Promise<void>((resolve) => (sent = resolve)),
        handler: async () => Promise.reject(new Error('dies')),
      })
      const looking = QueueFactory.fifo<string>({ name: `letters-${deadline}`, storage })
      await queue.start()
      await queue.put('a')
      let over = false
      // It begins while the handler runs, or has just begun.
      const stopped = until('the job', () => queue.running > 0 || sent !== undefined).then(() =>
        queue.stop(deadline === undefined ? {} : { deadline }).then(() => (over = true)),
      )
      await until('the letter', () => sent)
      if (deadline === undefined) {
        // Nothing else is left to wait for.
        await until('the end of the job', async () => {
          const { dead, running } = await looking.counts()
          return dead === 1 && running === 0
        })
        for (let trip = 0; trip < 5; trip++) await looking.counts()
        expect(over).toBe(false)
        sent?.()
      }
      await stopped
      await looking.stop()
    }
  })

  it.each(thrown)('%s fails its job, and can be looked at', async (name, make) => {
    const queue = QueueFactory.fifo<string>({
      name,
      storage,
      retry: { attempts: 2, backoff: 0 },
      handler: async () => Promise.reject(make()),
    })
    queue.on('failed', () => {})
    await queue.start()
    await expect(queue.submit('a', { id: 'a', timeout: '5s' })).rejects.toMatchObject({
      code: 'JOB_FAILED',
    })
    expect(await queue.counts()).toMatchObject({ dead: 1, failed: 1, running: 0 })
    const [death] = await queue.deadByError()
    expect(death).toMatchObject({ error: expect.any(String), count: 1 })
    expect(await queue.job('a')).toMatchObject({
      error: { name: expect.any(String), message: death?.error },
      tries: [{ error: { message: death?.error } }, { error: { message: death?.error } }],
    })
    await queue.stop()
  })
})

function circle(): unknown {
  const list: unknown[] = []
  list.push(list)
  return list
}
