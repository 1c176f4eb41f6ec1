import type { Redis } from 'ioredis'
import { expect, inject, it } from 'vitest'
import { within } from '../../src/core/deadline.ts'
import { clients } from '../support/clients.ts'

it('an answer that arrived while the event loop was blocked is in time', async () => {
  const { client, end } = await clients.ioredis(inject('redisUrl'))
  const redis = client as unknown as Redis
  // Answers after 100 ms, in the middle of the block; the timer is due after 150 ms, and so before anything is read.
  const answer = within(150, redis.blpop(`none-${crypto.randomUUID()}`, 0.1))
  await new Promise((resolve) => setImmediate(resolve))
  const over = performance.now() + 300
  while (performance.now() < over);
  expect(await answer).toBeNull()
  end()
})

it('no answer is an outage, and says how long it was awaited', async () => {
  const { client, end } = await clients.ioredis(inject('redisUrl'))
  const redis = client as unknown as Redis
  const answer = within(50, redis.blpop(`none-${crypto.randomUUID()}`, 60))
  await expect(answer).rejects.toThrow('the storage did not answer within 50 ms')
  end()
})
