import { afterAll, beforeAll, describe, it } from 'vitest'
import { jobStoreExam } from '../../src/testing/job-store/exam.ts'
import { examinedStore } from '../redis/queues/examined-store.ts'
import { clients, type OpenClient } from '../support/clients.ts'
import { figure, seeded, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'

const RUNS = short ? 25 : 10_000

describe.skipIf(!(await canStartRedis()))('queues over Redis beside plain jobs', () => {
  let redis: RedisServer
  let open: OpenClient
  beforeAll(async () => {
    redis = await startRedis()
    open = await clients.ioredis(redis.url)
  })
  afterAll(async () => {
    open?.end()
    await redis?.stop()
  })

  it('Q20: random calls are answered as plain jobs answer them', async () => {
    const seed = Math.floor(seeded('Q20')() * 1e9)
    let runs = 0
    const laws = jobStoreExam(
      async (terms) => {
        runs += 1
        // What the runs before have left would only fill the memory.
        if (runs % 100 === 0) await redis.command('FLUSHALL')
        return examinedStore(open.client, terms)
      },
      { runs: RUNS, seed },
    )
    const model = laws.at(-1)
    const told = await Promise.resolve(model?.run()).then(
      () => '',
      (error: Error) => error.message,
    )
    const value = told === '' ? `0 of ${runs} runs` : told
    figure(`Q20: differences, from seed ${seed}`, value, '0', told === '' && runs === RUNS)
  }, 3_600_000)
})
