import { openSync, writeSync } from 'node:fs'
import { Coordinator, Scheduler } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { clients, type Library } from '../../support/clients.ts'
import { task, tell } from './worker.ts'

export interface SchedulersTask {
  url: string
  library: Library
  prefix: string
  /** Milliseconds from slot to slot. */
  period: number
  /** Do they elect a leader, or race for each slot? */
  elect: boolean
  /** Gets a line `slot late-by pid` for each run. */
  log: string
}

const { url, library, prefix, period, elect, log } = task<SchedulersTask>()
const { client } = await clients[library](url)
const storage = new RedisStorage({ client, prefix })
const file = openSync(log, 'a')
const coordinator = elect ? { coordinator: new Coordinator({ storage, ttl: 0.5 }) } : {}
const scheduler = new Scheduler({ storage, ...coordinator })
scheduler.every(
  period / 1000,
  ({ slot }) => {
    writeSync(file, `${slot.getTime()} ${Date.now() - slot.getTime()} ${process.pid}\n`)
  },
  { name: 'job', tolerance: '400ms' },
)
scheduler.start()
tell({ ready: true })
