import { isAioFluxError, QueueFactory, type SharedQueue } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { clients } from '../support/clients.ts'
import { figure, seeded, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { proxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { sleep } from '../support/time.ts'
import { until } from '../support/until.ts'

const possible = await canStartRedis()
const random = seeded('queue-network')

describe.skipIf(!possible)('queues over a bad network', () => {
  let redis: RedisServer
  let between: TcpProxy
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  beforeAll(async () => {
    redis = await startRedis()
    process.on('unhandledRejection', note)
  })
  afterAll(async () => {
    process.off('unhandledRejection', note)
    await redis?.stop()
  })
  beforeEach(async () => {
    between = await proxy(redis.port, { random })
  })
  afterEach(() => between.close())

  /** A worker behind the bad network, and somebody with a good one who looks. */
  async function scene(title: string, handler: (item: number) => unknown) {
    // A test that is tried again has a queue of its own: the first one has done these jobs.
    const name = `${title}-${crypto.randomUUID()}`
    const far = await clients.ioredis(between.url)
    const storages = [
      new RedisStorage({ client: far.client, prefix: 'net', timeout: '300ms' }),
      new RedisStorage({ url: redis.url, prefix: 'net', timeout: '10s' }),
    ] as const
    const [behind, near] = storages.map((storage) =>
      QueueFactory.fifo<number>({
        ...{ name, storage, workers: 10, lease: '500ms' },
        // A network as bad as this one takes several claims from a job: here that is no reason to give the job up.
        maxDeliveries: 100,
        handler,
      }),
    ) as [SharedQueue<number>, SharedQueue<number>]
    for (const queue of [behind, near]) queue.on('error', () => {})
    await behind.start()
    return {
      behind,
      near,
      async close() {
        await Promise.all([behind.stop({ deadline: '1s' }), near.stop()])
        await Promise.all(storages.map((storage) => storage.close()))
        far.end()
      },
    }
  }

  /** Puts with ids of its own, again and again until Redis has said yes. */
  async function putAll(queue: SharedQueue<number>, items: readonly number[]): Promise<number> {
    let repeated = 0
    await Promise.all(
      items.map(async (item) => {
        for (;;) {
          try {
            return await queue.put(item, { id: `job ${item}` })
          } catch (error) {
            if (!isAioFluxError(error, 'STORAGE_DOWN')) throw error
            repeated += 1
            await sleep(20 + 50 * random())
          }
        }
      }),
    )
    return repeated
  }
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
  const done = (queue: SharedQueue<number>, count: number) =>
    until('the end of all jobs', async () => (await queue.counts()).completed >= count, {
      within: 20_000,
    })

  it('Q7: replies are dropped after the server has done its work', async () => {
    const count = short ? 300 : 3_000
    const starts = new Map<number, number>()
    const { behind, near, close } = await scene('q7', async (item) => {
      starts.set(item, (starts.get(item) ?? 0) + 1)
      await sleep(2)
    })
    await behind.put(-1, { id: 'first' })
    between.dropReplies(0.1)
    const lost = between.lost
    let repeated = 0
    // In small lots: a reply is lost for each of ten trips, and there are to be many.
    for (let i = 0; i < count; i += 5) {
      repeated += await putAll(
        behind,
        numbers(5).map((n) => i + n),
      )
    }
    between.dropReplies(false)
    await done(near, count + 1)
    const { completed, dead, waiting } = await near.counts()
    figure('Q7: replies lost', between.lost - lost, '> 0', between.lost > lost)
    figure(
      `Q7: completed, ${repeated} puts repeated`,
      completed,
      `= ${count + 1}`,
      completed === count + 1,
    )
    figure('Q7: dead or left', dead + waiting, '0', dead + waiting === 0)
    figure('Q7: different jobs done', starts.size, `= ${count + 1}`, starts.size === count + 1)
    await close()
  })

  it('Q8: connections are cut at random', async () => {
    const time = short ? 1_500 : 30_000
    const { behind, near, close } = await scene('q8', () => sleep(2))
    let put = 0
    let cutting = true
    const cuts = (async () => {
      while (cutting) {
        await sleep(100 + 200 * random())
        await between.refuse(true)
        between.cut()
        await sleep(50 + 300 * random())
        await between.refuse(false)
      }
    })()
    const over = performance.now() + time
    while (performance.now() < over) {
      await putAll(
        behind,
        numbers(20).map((n) => put + n),
      )
      put += 20
    }
    cutting = false
    await cuts
    const healed = performance.now()
    await done(near, put)
    const stall = performance.now() - healed
    const { completed, dead } = await near.counts()
    figure('Q8: completed', completed, `= ${put}`, completed === put && dead === 0)
    figure(
      'Q8: until all was done after the last cut',
      `${stall.toFixed(0)} ms`,
      '<= 5000 ms',
      stall <= 5_000,
    )
    figure('Q8: unhandled rejections', unhandled.length, '0', unhandled.length === 0)
    await close()
  })

  it('Q9: a connection that is half open', async () => {
    const { behind, near, close } = await scene('q9', () => sleep(2))
    await putAll(behind, numbers(20))
    await done(near, 20)
    between.blackhole(true)
    const began = performance.now()
    const code = await behind.put(20, { id: 'job 20' }).catch((error) => error.code)
    const noticed = performance.now() - began
    figure('Q9: a put into it', code, 'STORAGE_DOWN', code === 'STORAGE_DOWN')
    figure('Q9: noticed after', `${noticed.toFixed(0)} ms`, '<= 300 ms + 300', noticed <= 600)
    between.blackhole(false)
    await putAll(behind, [20, 21])
    const healed = performance.now()
    await done(near, 22)
    const took = performance.now() - healed
    figure('Q9: works again after', `${took.toFixed(0)} ms`, '<= 5000 ms', took <= 5_000)
    await close()
  })

  it('Q10: scripts are flushed every 100 ms', async () => {
    const count = short ? 1_000 : 10_000
    const { behind, near, close } = await scene('q10', () => sleep(1))
    const errors: unknown[] = []
    behind.on('error', ({ error }) => errors.push(error))
    await redis.command('CONFIG', 'RESETSTAT')
    let flushing = true
    let flushes = 0
    const flusher = (async () => {
      while (flushing) {
        await redis.command('SCRIPT', 'FLUSH')
        flushes += 1
        await sleep(100)
      }
    })()
    const repeated = await putAll(behind, numbers(count))
    await done(near, count)
    flushing = false
    await flusher
    const stats = String(await redis.command('INFO', 'commandstats'))
    const whole = Number(/cmdstat_eval:calls=(\d+)/.exec(stats)?.[1] ?? 0)
    const bound = 6 * flushes
    figure('Q10: scripts sent whole', whole, `> 0, <= ${bound}`, whole > 0 && whole <= bound)
    figure(
      `Q10: errors in ${flushes} flushes`,
      errors.length + repeated,
      '0',
      errors.length + repeated === 0,
    )
    await close()
  })

  it('Q14: subscriber connections are killed for ever', async () => {
    const count = short ? 15 : 100
    const waits: number[] = []
    const put = new Map<number, number>()
    const { behind, near, close } = await scene('q14', (item) => {
      waits.push(performance.now() - (put.get(item) ?? 0))
    })
    let killing = true
    const killer = (async () => {
      while (killing) {
        await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
        await sleep(20)
      }
    })()
    await sleep(100)
    for (let item = 0; item < count; item++) {
      put.set(item, performance.now())
      await near.put(item)
      await sleep(50 * random())
    }
    put.set(count, performance.now())
    const result = near.submit(count, { timeout: '5s' })
    await done(near, count + 1)
    await result
    killing = false
    await killer
    waits.sort((a, b) => a - b)
    const last = waits[Math.ceil(waits.length * 0.99) - 1] as number
    figure('Q14: put to start, p99', `${last.toFixed(0)} ms`, '<= 1100 ms', last <= 1_100)
    void behind
    await close()
  })
})
