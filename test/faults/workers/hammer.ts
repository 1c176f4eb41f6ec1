import { openSync, writeSync } from 'node:fs'
import { LimiterFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { clients, type Library } from '../../support/clients.ts'
import { machineTime, sleep } from '../../support/time.ts'
import { limiters, type RuleName } from './rules.ts'
import { task, tell, told } from './worker.ts'

export interface HammerTask {
  url: string
  library: Library
  prefix: string
  ms: number
  /** Callers for each rule. */
  callers: number
  /** Gets a line `rule sent received` for each grant, written before anything else happens. */
  log: string
}

export interface HammerReport {
  first: number
  last: number
  calls: number
  failed: number
}

const { url, library, prefix, ms, callers, log } = task<HammerTask>()
const { client, end } = await clients[library](url)
const storage = new RedisStorage({ client, prefix })
const all = limiters(storage)
const warm = LimiterFactory.tokenBucket({ rate: 1, storage, scope: 'warm' })
for (let i = 0; i < 20; i++) await warm.acquire(String(process.pid))
const file = openSync(log, 'a')
tell({ ready: true })
await told()

const first = machineTime()
const over = first + ms
let last = first
let calls = 0
let failed = 0
await Promise.all(
  (Object.keys(all) as RuleName[]).flatMap((rule) =>
    Array.from({ length: callers }, async () => {
      while (machineTime() < over) {
        const sent = machineTime()
        const decision = await all[rule].consume('hot')
        const received = machineTime()
        last = Math.max(last, received)
        calls += 1
        if (decision.degraded) failed += 1
        else if (decision.allowed) writeSync(file, `${rule} ${sent} ${received}\n`)
        else await sleep(2)
      }
    }),
  ),
)
tell({ first, last, calls, failed } satisfies HammerReport)
end()
