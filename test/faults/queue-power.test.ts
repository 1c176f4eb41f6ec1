import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { QueueFactory, type SharedQueue } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { figure, seeded, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { sleep } from '../support/time.ts'
import { until } from '../support/until.ts'

const ROUNDS = short ? 1 : 10

describe.skipIf(!(await canStartRedis()))('queues over a Redis that loses power', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'everysec'] })
  })
  afterAll(() => redis?.stop())

  /** The file that the server appends to. */
  function log(): string {
    const folder = join(redis.dir, 'appendonlydir')
    const files = readdirSync(folder).filter((name) => name.endsWith('.incr.aof'))
    return join(folder, files.sort().at(-1) as string)
  }

  it('Q5: what was written in the last second before is lost, and nothing else', async () => {
    const random = seeded('Q5')
    const storage = new RedisStorage({ url: redis.url, prefix: 'faults', timeout: '1s' })
    const name = `q5-${crypto.randomUUID().slice(0, 8)}`
    /** Confirmed puts, starts and ends, by the time of this machine. */
    const kept = new Map<number, number>()
    const starts = new Map<number, number[]>()
    const ended = new Map<number, number>()
    const queue = QueueFactory.fifo<number>({
      ...{ name, storage, workers: 5, lease: '500ms' },
      handler: async (item) => {
        starts.set(item, [...(starts.get(item) ?? []), performance.now()])
        // Slower than they come: many wait.
        await sleep(20)
      },
    }) as SharedQueue<number>
    queue.on('error', () => {})
    queue.on('completed', ({ item }) => ended.set(item, performance.now()))
    await queue.start()
    let next = 0
    let lost = 0
    let lostBefore = 0
    let redone = 0
    for (let round = 0; round < ROUNDS; round++) {
      let putting = true
      const putters = Array.from({ length: 5 }, async () => {
        while (putting) {
          const item = next++
          await queue.put(item).then(
            () => kept.set(item, performance.now()),
            () => {},
          )
          await sleep(2)
        }
      })
      await sleep(short ? 300 : 500 + 500 * random())
      // In the middle of an entry, too.
      const bytes = statSync(log()).size - Math.floor(200 * random())
      const cut = performance.now()
      await sleep(1_000)
      putting = false
      await redis.kill()
      await Promise.all(putters)
      const died = performance.now()
      truncateSync(log(), bytes)
      await redis.restart()
      await until('the end of all jobs', async () => {
        const { waiting, delayed, running } = await queue.counts()
        return waiting + delayed + running === 0
      })
      const missing = [...kept].filter(([item]) => !starts.has(item))
      lost += missing.length
      // The bytes that were cut off besides hold the last few milliseconds before.
      lostBefore += missing.filter(([, at]) => at < cut - 100).length
      redone += [...ended].filter(
        ([item, at]) => at < cut - 100 && starts.get(item)?.some((start) => start > died),
      ).length
      for (const map of [kept, starts, ended]) map.clear()
    }
    const { dead } = await queue.counts()
    figure('Q5: puts of the last second, lost', lost, 'told, not bound', true)
    figure('Q5: older puts lost', lostBefore, '0', lostBefore === 0)
    figure('Q5: older jobs done again', redone, '0', redone === 0)
    figure('Q5: dead', dead, '0', dead === 0)
    await queue.stop()
    await storage.close()
  })
})
