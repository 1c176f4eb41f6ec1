import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { crew } from '../support/crew.ts'
import { figure, seeded, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { sleep } from '../support/time.ts'
import { until } from '../support/until.ts'
import type { QueueWorkerTask } from './workers/queue-worker.ts'

const possible = await canStartRedis()
const WORKERS = 10

describe.skipIf(!possible)('queues over Redis whose workers and server are mistreated', () => {
  let redis: RedisServer
  let dir = ''
  beforeAll(async () => {
    redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'everysec'] })
    dir = mkdtempSync(join(tmpdir(), 'aioflux-queue-'))
  })
  afterAll(async () => {
    await redis?.stop()
    if (dir !== '') rmSync(dir, { recursive: true, force: true })
  })

  async function scene(title: string) {
    // A test that is tried again begins anew.
    const name = `${title}-${crypto.randomUUID().slice(0, 8)}`
    const storage = new RedisStorage({ url: redis.url, prefix: 'faults', timeout: '10s' })
    const queue = QueueFactory.fifo<number>({ name, storage })
    const log = join(dir, name)
    writeFileSync(log, '')
    const task: QueueWorkerTask = { url: redis.url, name, workers: WORKERS, log }
    const lines = (kind: 'S' | 'E') =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith(kind))
        .map((line) => Number(line.split(' ')[1]))
    return {
      queue,
      task,
      lines,
      async close() {
        await queue.stop({ deadline: 0 })
        await storage.close()
      },
    }
  }
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
  /** How many of `count` jobs never came to their end. */
  const lostOf = (count: number, ends: number[]) => {
    const seen = new Set(ends)
    return numbers(count).filter((n) => !seen.has(n)).length
  }

  it('Q1: one worker after the other is killed with -9', async () => {
    const random = seeded('Q1')
    const { queue, task, lines, close } = await scene('q1')
    const count = short ? 1_000 : 60_000
    await queue.putMany(numbers(count))
    let kills = 0
    for (let round = 0; round < (short ? 3 : 30); round++) {
      const victims = await crew('queue-worker', [task])
      await sleep(100 + 200 * random())
      await victims[Symbol.asyncDispose]()
      kills += 1
    }
    const steady = await crew('queue-worker', [task])
    await until(
      'all of them',
      async () => {
        const { waiting, delayed, running } = await queue.counts()
        return waiting + delayed + running === 0
      },
      { within: 100_000, every: 100 },
    )
    const counts = await queue.counts()
    const [starts, ends] = [lines('S'), lines('E')]
    await steady[Symbol.asyncDispose]()
    await close()
    const lost = lostOf(count, ends)
    figure('Q1: kill -9, jobs lost', `${lost} of ${count}`, '0', lost === 0)
    figure('Q1: kill -9, dead', counts.dead, '0', counts.dead === 0)
    const repeats = (starts.length - count) / kills
    const fits = repeats > 0 && repeats <= 2 * WORKERS
    figure('Q1: starts repeated per kill', repeats, `> 0, <= ${2 * WORKERS}`, fits)
    figure('Q1: completed', counts.completed, `= ${count}`, counts.completed === count)
  })

  it('Q4, Q10: Redis is killed and comes back under AOF, its scripts are flushed', async () => {
    const { queue, task, lines, close } = await scene('q4')
    const count = short ? 1_000 : 20_000
    await queue.putMany(numbers(count))
    const workers = await crew('queue-worker', [task, task])
    for (let i = 0; i < 10; i++) {
      await redis.command('SCRIPT', 'FLUSH')
      await sleep(20)
    }
    for (let round = 0; round < (short ? 1 : 5); round++) {
      await sleep(300)
      await redis.kill()
      await sleep(300)
      await redis.restart()
    }
    await until('all of them', async () => (await queue.counts()).completed >= count, {
      within: 100_000,
      every: 100,
    })
    const counts = await queue.counts()
    const lost = lostOf(count, lines('E'))
    await workers[Symbol.asyncDispose]()
    await close()
    figure('Q4: restart under AOF, jobs lost', `${lost} of ${count}`, '0', lost === 0)
    figure('Q4: restart under AOF, dead', counts.dead, '0', counts.dead === 0)
  })
})
