import { openSync, writeSync } from 'node:fs'
import { Coordinator } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { clients, type Library } from '../../support/clients.ts'
import { machineTime, sleep } from '../../support/time.ts'
import { task, tell } from './worker.ts'

export interface CandidateTask {
  url: string
  library: Library
  prefix: string
  ttl: number
  /** Gets a line `token time` for each moment at which it saw itself lead. */
  log: string
}

const { url, library, prefix, ttl, log } = task<CandidateTask>()
const { client } = await clients[library](url)
const coordinator = new Coordinator({
  storage: new RedisStorage({ client, prefix }),
  ttl: ttl / 1000,
})
const file = openSync(log, 'a')
tell({ ready: true })
await coordinator.lead(async (lease) => {
  tell({ leads: lease.token })
  // The time is read first: if it was held after that, it was held then.
  for (let now = machineTime(); lease.held; now = machineTime()) {
    writeSync(file, `${lease.token} ${now}\n`)
    await sleep(1)
  }
})
