import { afterAll, beforeAll, describe, it } from 'vitest'
import { figure, seeded, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { sleep } from '../support/time.ts'
import { until } from '../support/until.ts'
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

  it('Q2: kill -9 among priorities, delays, groups and bounds', async () => {
    const random = seeded('Q2')
    const count = short ? 400 : 10_000
    const groupConcurrency = 3
    await using stage = scene({
      ...{ url: redis.url, name: 'q2', kind: 'priority', options: { groupConcurrency } },
      task: { groups: 7 },
    })
    const delayed = (item: number) => (item % 10 === 0 ? 300 : 0)
    const put = Date.now()
    await stage.queue.putMany(numbers(count), (item) => ({
      ...{ priority: item % 5, group: `g${item % 7}` },
      ...(delayed(item) > 0 && { delay: delayed(item) / 1000 }),
    }))
    const over = stage.done()
    const kills = short ? 1 : 8
    for (let kill = 0; kill < kills; kill++) {
      await using victim = await stage.hire()
      await Promise.race([victim.hands[0]!.next().catch(() => {}), sleep(200 * random() + 100)])
    }
    await using steady = await stage.hire(2)
    await over
    void steady
    const lost = stage.lost(count)
    figure('Q2: jobs lost', `${lost} of ${count}`, '0', lost === 0)
    const starts = stage.lines('S')
    const early = starts.filter(({ item, at }) => at < put + delayed(item)).length
    figure('Q2: started before they were due', early, '0', early === 0)
    const { dead, completed } = await stage.queue.counts()
    figure('Q2: completed', completed, `= ${count}`, completed === count && dead === 0)
    // Each start is held until its end; where a process died, until its lease ended.
    const ends = new Map(
      stage.lines('E').map(({ item, delivery, at }) => [`${item} ${delivery}`, at]),
    )
    const events = starts.flatMap(({ item, delivery, at }) => {
      const end = ends.get(`${item} ${delivery}`)
      return end === undefined ? [] : [[item % 7, at, 1] as const, [item % 7, end, -1] as const]
    })
    events.sort((a, b) => a[1] - b[1] || a[2] - b[2])
    const running = new Map<number, number>()
    let most = 0
    for (const [group, , change] of events) {
      running.set(group, (running.get(group) ?? 0) + change)
      most = Math.max(most, running.get(group) ?? 0)
    }
    figure(
      'Q2: most of one group at once',
      most,
      `<= ${groupConcurrency}`,
      most <= groupConcurrency,
    )
    const faults = await stage.audit()
    figure('Q2: audit', faults.join('; ') || '0', '0', faults.length === 0)
  })

  it('Q3: event loops that are blocked beyond the lease', async () => {
    const count = short ? 40 : 300
    const lease = 200
    await using stage = scene({
      ...{
        url: redis.url,
        name: 'q3',
        workers: 4,
        options: { maxDeliveries: 20, keep: { completed: '1h' } },
      },
      task: { lease: '200ms', blocks: { every: 10, ms: 3 * lease } },
    })
    await stage.queue.putMany(numbers(count))
    await using workers = await stage.hire(2)
    await stage.done()
    void workers
    const { completed, dead } = await stage.queue.counts()
    figure('Q3: completed', completed, `= ${count}`, completed === count && dead === 0)
    const starts = stage.lines('S')
    const first = new Map(starts.map(({ item, delivery, at }) => [`${item} ${delivery}`, at]))
    const again = starts.filter(({ delivery }) => delivery > 1)
    // By the clock of Redis: a claim begins when the one before has ended, or its lease has.
    const { jobs } = await stage.queue.jobs({ state: 'completed', limit: count })
    const overlaps = jobs.filter(({ tries }) =>
      tries.some(({ startedAt }, i) => {
        const before = tries[i - 1]
        return before !== undefined && startedAt.getTime() < before.startedAt.getTime() + lease
      }),
    )
    figure('Q3: started again', again.length, '> 0', again.length > 0)
    figure('Q3: two valid claims of one job', overlaps.length, '0', overlaps.length === 0)
    // A job that blocked and goes on hears of the loss, which may be after the others have done all there was to do.
    // Neighbours that were done when the block ended have ended then.
    const noted = (what: 'E' | 'A') =>
      new Set(stage.lines(what).map(({ item, delivery }) => `${item} ${delivery}`))
    await until('the end of all handlers', () =>
      [...first.keys()].every((claim) => noted('E').has(claim)),
    )
    const lostClaims = new Set(again.map(({ item, delivery }) => `${item} ${delivery - 1}`))
    const blocked = [...lostClaims].filter((claim) => first.has(claim) && /0 1$/.test(claim))
    const silent = () => blocked.filter((claim) => !noted('A').has(claim))
    await until('their signals', () => silent().length === 0, { within: 1_000 }).catch(() => {})
    const deaf = silent()
    const bound = `0 of ${blocked.length}`
    const heard = deaf.length === 0 && blocked.length > 0
    figure('Q3: lost claims whose signal did not abort', deaf.length, bound, heard)
  })

  it('Q15: SIGTERM under load', async () => {
    const rounds = short ? 1 : 8
    const count = rounds * 300
    await using stage = scene({ ...{ url: redis.url, name: 'q15' }, task: { lease: '2s' } })
    await stage.queue.putMany(numbers(count))
    await using steady = await stage.hire()
    let slowest = 0
    for (let round = 0; round < rounds; round++) {
      const [hand] = (await stage.hire()).hands
      await sleep(150)
      const began = performance.now()
      process.kill(hand!.pid, 'SIGTERM')
      await hand!.next().catch(() => {})
      slowest = Math.max(slowest, performance.now() - began)
    }
    await stage.done()
    void steady
    const repeats = stage.lines('S').length - count
    figure('Q15: starts repeated', repeats, '0', repeats === 0)
    const lost = stage.lost(count)
    figure('Q15: jobs lost', lost, '0', lost === 0)
    figure('Q15: slowest exit', `${slowest.toFixed(0)} ms`, '<= 1000 ms', slowest <= 1_000)
  })

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
