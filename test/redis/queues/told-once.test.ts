import { QueueFactory, type QueueOptions } from 'aioflux'
import { type IoredisLike, RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { until } from '../../support/until.ts'

// The end of a job is told once in a process, by its attempt or by the news of its result, whichever reply comes first.

const redis = new Redis(inject('redisUrl'))
afterAll(() => redis.disconnect())

/** Replies to puts wait while `hold` is set: the server has done what they tell. */
function world() {
  const held: (() => void)[] = []
  const hold = { puts: false }
  const through = (reply: Promise<unknown>, args: readonly (string | number)[]) =>
    reply.then((value) =>
      hold.puts && args.includes('m')
        ? new Promise((resolve) => held.push(() => resolve(value)))
        : value,
    )
  const client: IoredisLike = {
    evalsha: (sha, keys, ...args) => through(redis.evalsha(sha, keys, ...args), args as string[]),
    eval: (text, keys, ...args) => through(redis.eval(text, keys, ...args), args as string[]),
    duplicate: () => redis.duplicate(),
  } as IoredisLike
  const storage = new RedisStorage({ client, prefix: `told:${crypto.randomUUID()}` })
  const told: string[] = []
  return {
    hold,
    held,
    told,
    queue(options: Pick<QueueOptions<string, string>, 'handler'>) {
      const queue = QueueFactory.fifo<string, string>({ name: 'q', ...options, storage })
      queue.on('completed', ({ item }) => told.push(item))
      queue.on('failed', ({ item }) => told.push(`${item} failed`))
      return queue
    },
  }
}

describe('the end of a job with its own id is told once', () => {
  it('where its handler has ended before the answer to its put comes', async () => {
    const { hold, held, told, queue } = world()
    const one = queue({ handler: (item) => item })
    await one.start()
    await one.submit('warm up')
    told.length = 0
    hold.puts = true
    const result = one.submit('a', { id: 'x' })
    await until('its end', () => told.length > 0)
    hold.puts = false
    for (const release of held) release()
    expect(await result).toBe('a')
    await one.stop()
    expect(told).toEqual(['a'])
  })

  it('where it is put again after its end', async () => {
    const { told, queue } = world()
    const one = queue({ handler: (item) => item })
    await one.start()
    expect(await one.submit('a', { id: 'x' })).toBe('a')
    expect(await one.submit('b', { id: 'x' })).toBe('a')
    await one.stop()
    expect(told).toEqual(['a'])
  })
})
