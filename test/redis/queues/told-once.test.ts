import { QueueFactory, type QueueOptions } from 'aioflux'
import { type IoredisLike, RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { until } from '../../support/until.ts'

// The end of a job is told once in a process, by its attempt or by the news of its result, whichever reply comes first.

const redis = new Redis(inject('redisUrl'))
afterAll(() => redis.disconnect())

type Own = Pick<QueueOptions<string, string>, 'handler' | 'idTtl'>

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
  // Without `subscribe` it hears nothing, and asks now and then.
  const deaf: IoredisLike = {
    evalsha: (sha, keys, ...args) => through(redis.evalsha(sha, keys, ...args), args as string[]),
    eval: (text, keys, ...args) => through(redis.eval(text, keys, ...args), args as string[]),
  }
  const hearing = Object.assign(Object.create(redis), deaf) as IoredisLike
  const prefix = `told:${crypto.randomUUID()}`
  const told: string[] = []
  const queueOver = (client: IoredisLike) => (options: Own) => {
    const storage = new RedisStorage({ client, prefix })
    const queue = QueueFactory.fifo<string, string>({ name: 'q', ...options, storage })
    queue.on('completed', ({ item }) => told.push(item))
    queue.on('failed', ({ item }) => told.push(`${item} failed`))
    return queue
  }
  return {
    hold,
    release() {
      hold.puts = false
      for (const release of held) release()
    },
    told,
    prefix,
    queue: queueOver(hearing),
    deaf: queueOver(deaf),
    other: queueOver(redis),
  }
}

describe('the end of a job with its own id is told once', () => {
  it('where its handler has ended before the answer to its put comes', async () => {
    const { hold, release, told, queue } = world()
    const one = queue({ handler: (item) => item })
    await one.start()
    await one.submit('warm up')
    // The result may come before the event: it is told by the news of it, too.
    await until('the end of the first job', () => told.length > 0)
    told.length = 0
    hold.puts = true
    const result = one.submit('a', { id: 'x' })
    await until('its end', () => told.length > 0)
    release()
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

describe('the result of a job with its own id is its own', () => {
  it('where another one was put by the same process before the answer to its put came', async () => {
    const { hold, release, queue, other } = world()
    const here = queue({ idTtl: 0 })
    const there = other({ handler: (item) => item, idTtl: 0 })
    await there.start()
    expect(await here.submit('warm up')).toBe('warm up')
    hold.puts = true
    const results = []
    for (const item of ['one', 'two']) {
      results.push(here.submit(item, { id: 'x' }))
      const ended = 1 + results.length
      await until('it has ended', async () => (await there.counts()).completed === ended)
    }
    // What is told by one server comes in its order: the ends were heard.
    expect(await there.submit('three')).toBe('three')
    release()
    expect(await Promise.all(results)).toEqual(['one', 'two'])
    await Promise.all([here.stop(), there.stop()])
  })

  it('where its end was not heard, and another job of that id has ended', async () => {
    const { deaf, other, prefix } = world()
    const here = deaf({})
    const there = other({ handler: (item) => item, idTtl: 0 })
    const job = await here.put('one', { id: 'x' })
    const result = job.result.catch(({ code }: { code: string }) => code)
    await until('it is followed', () => redis.hget(`${prefix}:{queue:q}:asked`, 'x'))
    await there.clear()
    await there.start()
    expect(await there.submit('two', { id: 'x' })).toBe('two')
    expect(await result).toBe('JOB_GONE')
    await Promise.all([here.stop(), there.stop()])
  })
})
