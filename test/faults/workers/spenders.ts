import { openSync, writeSync } from 'node:fs'
import { LimiterFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { clients, type Library } from '../../support/clients.ts'
import { sleep } from '../../support/time.ts'
import { task, tell, told } from './worker.ts'

export interface SpendersTask {
  url: string
  library: Library
  prefix: string
  budget: number
  callers: number
  /** Gets `asked n cost`, `reserved n`, `denied n`, `settling n actual`, `settled n`, each written before anything else happens. */
  log: string
}

const { url, library, prefix, budget, callers, log } = task<SpendersTask>()
const { client } = await clients[library](url)
const storage = new RedisStorage({ client, prefix })
const limiter = LimiterFactory.tokenBucket({ rate: budget, per: '365d', storage, scope: 'budget' })
const file = openSync(log, 'a')
const note = (line: string) => writeSync(file, `${line}\n`)
tell({ ready: true })
await told()

let count = 0
await Promise.all(
  Array.from({ length: callers }, async () => {
    for (let denied = 0; denied < 20; ) {
      const n = count++
      const cost = 1 + Math.floor(Math.random() * 100)
      note(`asked ${n} ${cost}`)
      const reservation = await limiter.reserve('team', cost, { ttl: '1h' })
      note(`${reservation === undefined ? 'denied' : 'reserved'} ${n}`)
      if (reservation === undefined) {
        denied += 1
        continue
      }
      await sleep(Math.random() * 4)
      const actual = Math.floor(Math.random() * cost * 1.2)
      note(`settling ${n} ${actual}`)
      // Whoever tells twice is counted once.
      await Promise.all([reservation.settle(actual), reservation.settle(actual)])
      note(`settled ${n}`)
    }
  }),
)
tell({ done: true })
