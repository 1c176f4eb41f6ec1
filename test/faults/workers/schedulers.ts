import { openSync, writeSync } from 'node:fs'
import { Coordinator, Scheduler, slotKeeper } from 'aioflux'
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
  /** How long after its last sign of life a process counts as dead, in milliseconds. */
  lease: number
  /** After so many milliseconds, says that it has begun a run, and never ends it. */
  hangsAfter?: number
  /** Gets a line `slot late-by pid` for each run that has ended. */
  log: string
}

const {
  url,
  library,
  prefix,
  period,
  elect,
  lease,
  hangsAfter = Infinity,
  log,
} = task<SchedulersTask>()
const { client } = await clients[library](url)
const storage = new RedisStorage({ client, prefix })
const file = openSync(log, 'a')
const coordinator = elect ? { coordinator: new Coordinator({ storage, ttl: 0.5 }) } : {}
const slots = slotKeeper(storage, { lease: lease / 1000 })
const scheduler = new Scheduler({ slots, ...coordinator })
const hangsAt = performance.now() + hangsAfter
scheduler.every(
  period / 1000,
  async ({ slot }) => {
    if (performance.now() >= hangsAt) {
      tell({ begun: slot.getTime() })
      await new Promise(() => {})
    }
    writeSync(file, `${slot.getTime()} ${Date.now() - slot.getTime()} ${process.pid}\n`)
  },
  { name: 'job', tolerance: '400ms' },
)
scheduler.start()
tell({ ready: true })
