import { afterAll, beforeAll, describe, it } from 'vitest'
import { figure, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { numbers, type Scene, scene } from './queue-scene.ts'

const possible = await canStartRedis()

describe.skipIf(!possible)('queues over Redis whose workers die or stall', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  /** Keeps `count` workers at work, and starts another one wherever one dies, until `over`. */
  async function supervised(stage: Scene, count: number, over: Promise<unknown>): Promise<number> {
    let working = true
    let deaths = 0
    const shift = async () => {
      while (working) {
        await using one = await stage.hire()
        const died = one.hands[0]!.next().catch(() => 'died')
        if ((await Promise.race([died, over])) === 'died') deaths += 1
      }
    }
    const shifts = numbers(count).map(shift)
    await over
    working = false
    await Promise.all(shifts)
    return deaths
  }

  it('Q13: a job that kills its process takes no neighbour along', async () => {
    const maxDeliveries = short ? 2 : 3
    const count = 60
    const poison = short ? [20] : [20, 21, 40]
    await using stage = scene({
      ...{ url: redis.url, name: 'q13', options: { maxDeliveries } },
      task: { poison },
    })
    await stage.queue.putMany(numbers(count))
    const deaths = await supervised(stage, short ? 1 : 2, stage.done())
    const { dead, completed } = await stage.queue.counts()
    figure('Q13: poison, dead', dead, `= ${poison.length}`, dead === poison.length)
    const others = count - poison.length
    figure('Q13: neighbours done', completed, `= ${others}`, completed === others)
    const starts = stage.lines('S').filter(({ item }) => poison.includes(item)).length
    const bound = poison.length * maxDeliveries
    figure('Q13: starts of poison', starts, `<= ${bound}, and > 0`, starts > 0 && starts <= bound)
    figure('Q13: processes that died', deaths, `<= ${bound}, > 0`, deaths > 0 && deaths <= bound)
    const faults = await stage.audit()
    figure('Q13: audit', faults.join('; ') || '0', '0', faults.length === 0)
  })
})
