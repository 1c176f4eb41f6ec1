import { type Job, QueueFactory, type SharedQueue } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { clients, libraries, type OpenClient } from '../../support/clients.ts'

describe.each(libraries)('the job of an earlier put, by %s', (library) => {
  let open: OpenClient
  let storage: RedisStorage
  beforeAll(async () => {
    open = await clients[library](inject('redisUrl'))
    storage = new RedisStorage({ client: open.client, prefix: `handles-${crypto.randomUUID()}` })
  })
  afterAll(async () => {
    await storage.close()
    open.end()
  })

  const outcome = (job: Job<unknown>) => job.result.catch((error: { code: string }) => error.code)
  const complete = async (queue: SharedQueue<string>, value: string) => {
    const [claim] = await queue.claim({ timeout: '5s' })
    await claim?.complete(value)
  }

  it.each(['pending', 'coalesce', 'latest', 'debounce'] as const)(
    '%s: leaves a later job of the same key alone',
    async (mode) => {
      const options = { name: mode, storage, mode, delay: '1ms' } as const
      const queue = QueueFactory.dedupe<string>(options)
      const first = await queue.put('x')
      await complete(queue, 'one')
      const second = await queue.put('x')
      const results = [outcome(second)]
      if (mode === 'coalesce') results.push(outcome(await queue.put('x')))
      expect(await first.cancel()).toBe(false)
      expect(await queue.counts()).toMatchObject({ completed: 1 })
      // All that share the second job still do: when one of two leaves, it goes on.
      if (mode === 'coalesce') expect(await second.cancel()).toBe(true)
      await complete(queue, 'two')
      const left = mode === 'coalesce' ? ['JOB_CANCELLED', 'two'] : ['two']
      expect(await Promise.all(results)).toEqual(left)
      await queue.stop()
    },
  )

  it('latest: the caller of an item that runs can still leave when a newer one has begun', async () => {
    const queue = QueueFactory.dedupe<{ n: number }>({
      name: 'anew',
      storage,
      mode: 'latest',
      keyFn: () => 'k',
    })
    const first = await queue.put({ n: 1 })
    const [running] = await queue.claim()
    const second = await queue.put({ n: 2 })
    const results = [outcome(first), outcome(second)]
    await running?.complete('one')
    expect(await first.cancel()).toBe(true)
    expect(await second.cancel()).toBe(true)
    expect(await Promise.all(results)).toEqual(['JOB_CANCELLED', 'JOB_CANCELLED'])
    expect(await queue.counts()).toMatchObject({ waiting: 0, running: 0 })
    await queue.stop()
  })

  it.each([0, 1, 2, 3])(
    'a result that is asked for too late is not taken for that of a later job (%s turns before it)',
    async (turns) => {
      const queue = QueueFactory.dedupe<string>({ name: `late-${turns}`, storage, mode: 'pending' })
      for (let i = 0; i < 20; i++) {
        const first = await queue.put('x')
        await complete(queue, 'one')
        const asked = outcome(first)
        // Its answer and that of the next put come together, and are told in any order.
        for (let turn = 0; turn < turns; turn++) await Promise.resolve()
        const second = queue.submit('x').catch((error: { code: string }) => error.code)
        expect(await asked).toBe('JOB_GONE')
        await complete(queue, 'two')
        expect(await second).toBe('two')
      }
      await queue.stop()
    },
  )

  it.each([undefined, '1h'] as const)(
    'with its own id leaves a later job of that id alone (delay %s)',
    async (delay) => {
      const queue = QueueFactory.priority<string>({ name: `own-${delay}`, storage })
      const put = { id: 'x', ...(delay !== undefined && { delay }) }
      const first = await queue.put('a', put)
      expect(await first.setPriority(1)).toBe(true)
      await queue.clear()
      const second = await queue.put('b', put)
      expect(await first.setPriority(7)).toBe(false)
      expect(await first.cancel()).toBe(false)
      expect(await queue.job('x')).toMatchObject({ item: 'b', priority: 0 })
      expect(await second.setPriority(3)).toBe(true)
      expect(await second.cancel()).toBe(true)
      expect(await queue.job('x')).toBeUndefined()
      await queue.stop()
    },
  )

  const ways: Readonly<Record<string, (queue: SharedQueue<string>) => Promise<unknown>>> = {
    clear: async (queue) => queue.clear(),
    remove: (queue) => queue.remove('x'),
    cancel: (queue) => queue.cancel('x'),
    overflow: (queue) => queue.put('pushes x out'),
  }
  it.each(Object.keys(ways).flatMap((way) => [0, 10].map((kept) => [way, kept] as const)))(
    'with its own id has not the result of a later job of that id, after %s (%s completed jobs kept)',
    async (way, count) => {
      const queue = QueueFactory.fifo<string>({
        ...{ name: `result-${way}-${count}`, storage, idTtl: 0, maxSize: 1 },
        overflow: 'drop-oldest',
        keep: { completed: { age: '1h', count } },
      })
      const dropped = async () => {
        const job = await queue.put('a', { id: 'x' })
        expect(job.state).toBe('waiting')
        await ways[way]?.(queue)
        await queue.clear()
        return job
      }
      const [first, second] = [await dropped(), await dropped()]
      const later = await queue.put('b', { id: 'x' })
      expect(later.state).toBe('waiting')
      const result = outcome(later)
      // The later one has not even begun.
      expect(await outcome(first)).toBe('JOB_GONE')
      await complete(queue, 'two')
      expect(await result).toBe('two')
      expect(await outcome(second)).toBe('JOB_GONE')
      await queue.stop()
    },
  )

  it('with its own id and a key has the result of the newest item, though that began anew', async () => {
    const options = { name: 'anew-own', storage, mode: 'latest', keyFn: () => 'k' } as const
    const queue = QueueFactory.dedupe<string>(options)
    const first = await queue.put('a', { id: 'x' })
    const [running] = await queue.claim()
    await queue.put('b')
    await running?.complete('one')
    const result = outcome(first)
    await complete(queue, 'two')
    expect(await result).toBe('two')
    await queue.stop()
  })
})
