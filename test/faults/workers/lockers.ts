import { openSync, writeSync } from 'node:fs'
import { Coordinator } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { clients, type Library } from '../../support/clients.ts'
import { machineTime, sleep } from '../../support/time.ts'
import { task, tell, told } from './worker.ts'

export interface LockersTask {
  url: string
  library: Library
  prefix: string
  ttl: number
  /** How many wait in this process, and how often each. */
  waiters: number
  rounds: number
  /** Milliseconds for which each holds it. */
  hold: number
  /** Gets a line `token taken given-back` for each turn. */
  log: string
}

const { url, library, prefix, ttl, waiters, rounds, hold, log } = task<LockersTask>()
const { client, end } = await clients[library](url)
const coordinator = new Coordinator({
  storage: new RedisStorage({ client, prefix }),
  ttl: ttl / 1000,
})
const file = openSync(log, 'a')
await (await coordinator.lock(`warm ${process.pid}`)).release()
tell({ ready: true })
await told()
await Promise.all(
  Array.from({ length: waiters }, async () => {
    for (let i = 0; i < rounds; i++) {
      const lease = await coordinator.lock('x')
      const taken = machineTime()
      await sleep(hold)
      writeSync(file, `${lease.token} ${taken} ${machineTime()}\n`)
      await lease.release()
    }
  }),
)
tell({ done: true })
end()
