import { afterAll, beforeAll, describe, it } from 'vitest'
import { collector } from '../support/collector.ts'
import { figure, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { sleep } from '../support/time.ts'
import { scene } from './queue-scene.ts'

/** For a look at the test itself, AIOFLUX_SOAK says how many minutes. */
const MINUTES = Number(process.env['AIOFLUX_SOAK'] ?? 10)
/** Two workers of 10 slots and 20 ms a job do 1000 a second. */
const PER_TENTH = 50

// In short there is nothing to see.
describe.skipIf(short || !(await canStartRedis()))('queues over Redis for a long time', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  it(
    'Q19: half the load there can be',
    async () => {
      const collect = collector()
      const keep = { completed: { count: 1_000 }, dead: { count: 100 } }
      await using stage = scene({
        ...{ url: redis.url, name: 'q19', kind: 'priority' },
        ...{
          options: { groupConcurrency: 8, keep, resultTtl: '5s' },
          task: { groups: 7, lease: '2s' },
        },
      })
      await using workers = await stage.hire(2)
      void workers
      const samples: { heap: number; memory: number; keys: number }[] = []
      let most = 0
      const sample = async () => {
        collect()
        most = Math.max(most, (await stage.queue.counts()).waiting)
        const info = String(await redis.command('INFO', 'memory'))
        samples.push({
          heap: process.memoryUsage().heapUsed,
          memory: Number(/used_memory:(\d+)/.exec(info)?.[1]),
          keys: Number(await redis.command('DBSIZE')),
        })
      }
      const began = performance.now()
      let put = 0
      let answered = 0
      for (let round = 1; performance.now() - began < MINUTES * 60_000; round++) {
        await stage.queue.putMany(
          Array.from({ length: PER_TENTH - 1 }, (_, i) => put + i),
          (item) => ({
            ...{ priority: item % 5, group: `g${item % 7}` },
            ...(item % 10 === 0 && { delay: 0.3 }),
          }),
        )
        put += PER_TENTH
        stage.queue.submit(put - 1, { group: 'g0' }).then(
          () => {
            answered += 1
          },
          () => {},
        )
        await sleep(Math.max(0, began + 100 * round - performance.now()))
        if (round % (MINUTES * 10) === 0) await sample()
      }
      await stage.done()
      /** Of the last quarter by that of the second one. */
      const growth = (what: keyof (typeof samples)[number]) => {
        const mean = (from: number, to: number) => {
          const some = samples.slice(samples.length * from, samples.length * to)
          return some.reduce((sum, one) => sum + one[what], 0) / some.length
        }
        return mean(0.75, 1) / mean(0.25, 0.5)
      }
      for (const [what, bound] of [
        ['heap', 1.1],
        ['memory', 1.1],
        ['keys', 1.2],
      ] as const) {
        const grown = growth(what)
        figure(`Q19: ${what}, growth`, grown, `<= ${bound}, of ${samples.length}`, grown <= bound)
      }
      const { completed, dead } = await stage.queue.counts()
      figure('Q19: completed', completed, `= ${put}`, completed === put && dead === 0)
      const asked = put / PER_TENTH
      figure('Q19: results', answered, `= ${asked}`, answered === asked)
      const faults = await stage.audit()
      figure('Q19: audit', faults.join('; ') || '0', '0', faults.length === 0)
      // Last: where the machine is too slow the backlog grows, and says nothing of a leak.
      figure('Q19: most that waited', most, `<= ${20 * PER_TENTH}`, most <= 20 * PER_TENTH)
    },
    MINUTES * 60_000 + 120_000,
  )
})
