import { AsyncLocalStorage } from 'node:async_hooks'
import { QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { expect, inject, it } from 'vitest'

it('a job from Redis runs in no context: not in that of a put, of the start, nor of the job before', async () => {
  const context = new AsyncLocalStorage<string>()
  const seen: string[] = []
  await using storage = new RedisStorage({ url: inject('redisUrl'), timeout: '20s' })
  await using queue = QueueFactory.fifo({
    storage,
    name: `q-${crypto.randomUUID()}`,
    workers: 1,
    handler: async (item: string) => {
      seen.push(`${item}:${context.getStore()}`)
      if (item === 'a') await context.run('for c', () => queue.put('c'))
    },
  })
  const first = await context.run('for a', () => queue.put('a'))
  const second = await queue.put('b')
  await context.run('starter', () => queue.start())
  await Promise.all([first.result, second.result])
  await expect.poll(() => seen).toEqual(['a:undefined', 'b:undefined', 'c:undefined'])
})
