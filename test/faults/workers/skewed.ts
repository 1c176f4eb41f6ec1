import type { CreateLimiter, Quota } from 'aioflux'
import { machineTime, sleep } from '../../support/time.ts'
import { task, tell, told } from './worker.ts'

export interface SkewTask {
  url: string
  library: 'node-redis' | 'ioredis'
  prefix: string
  /** Milliseconds this process is ahead of everybody. */
  skew: number
}

export interface SkewReport {
  /** What it was told, in order. */
  decisions: string[]
  /** How many it got of a limit that all processes share. */
  shared: number
  /** How long waiting took, by the machine's clock. */
  waited: number
}

const { url, library, prefix, skew } = task<SkewTask>()
const { now: dateNow } = Date
const performanceNow = performance.now.bind(performance)
let jump = 0
Date.now = () => dateNow() + skew + jump
performance.now = () => performanceNow() + skew

// What is loaded from here on knows no other time.
const { LimiterFactory } = await import('aioflux')
const { RedisStorage } = await import('aioflux/redis')
const { clients } = await import('../../support/clients.ts')
const { client, end } = await clients[library](url)
const storage = new RedisStorage({ client, prefix })
const { tokenBucket, leakyBucket, slidingWindow, fixedWindow, composite } = LimiterFactory
const makers: Record<string, CreateLimiter<Quota>> = {
  tokenBucket,
  leakyBucket,
  slidingWindow,
  fixedWindow,
}
const key = `skew ${skew}`
const decisions: string[] = []

tell({ ready: true })
await told()

const each = Object.entries(makers).map(async ([name, maker]) => {
  const mine: string[] = []
  const slow = maker({ rate: 5, per: '1h', storage, scope: 'slow' })
  const quick = maker({ rate: 4, per: '600ms', storage, scope: 'quick' })
  const ask = async (limiter: typeof slow, what: string, cost = 1) => {
    const decision = await limiter.consume(key, cost)
    const { allowed, remaining, limit } = decision
    // What is left of a quick limit, and every time, hang on when exactly it was asked.
    const wait = decision.retryAfter === 0 ? 'now' : decision.retryAfter < 1 ? 'soon' : 'later'
    mine.push(`${name} ${what} ${allowed} ${limit === 5 ? remaining : '-'}/${limit} ${wait}`)
    return decision
  }
  for (let i = 0; i < 7; i++) await ask(slow, `slow ${i}`)
  await slow.release(key, 2)
  await ask(slow, 'slow after release', 2)
  await ask(quick, 'quick, all of it', 4)
  await ask(quick, 'quick, too much', 4)
  await slow.block(key, '250ms')
  await ask(slow, 'blocked')
  jump = -2 * skew // somebody sets the date, the other way round
  await sleep(750)
  await ask(slow, 'no more blocked')
  await ask(quick, 'quick, all of it again', 4)
  await ask(quick, 'quick, too much again', 4)
  await quick.reset(key)
  await ask(quick, 'quick after reset', 4)
  return mine
})
decisions.push(...(await Promise.all(each)).flat())
jump = 0

const both = composite(
  tokenBucket({ rate: 3, per: '1h', storage, scope: 'a', name: 'a' }),
  slidingWindow({ rate: 2, per: '1h', storage, scope: 'b', name: 'b' }),
)
for (let i = 0; i < 4; i++) {
  const { allowed, remaining, deniedBy } = await both.consume(key)
  decisions.push(`composite ${allowed} ${remaining} ${deniedBy}`)
}

const patient = tokenBucket({ rate: 10, burst: 1, storage, scope: 'patient' })
const began = machineTime()
for (let i = 0; i < 4; i++) {
  const { allowed, degraded } = await patient.wait(key, { timeout: '5s' })
  decisions.push(`wait ${allowed} ${degraded}`)
}
const waited = machineTime() - began
const late = await patient.wait(key, { cost: 1, timeout: '1ms' }).catch((error) => error.code)
decisions.push(`wait, too short ${late}`)

let shared = 0
const common = slidingWindow({ rate: 30, per: '1h', storage, scope: 'common' })
for (let i = 0; i < 30; i++) if (await common.acquire('all')) shared += 1
tell({ decisions, shared, waited } satisfies SkewReport)
end()
