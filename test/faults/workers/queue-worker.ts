import { openSync, writeSync } from 'node:fs'
import { QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { task, tell } from './worker.ts'

export interface QueueWorkerTask {
  url: string
  name: string
  workers: number
  /** Gets a line for each start, `S item delivery`, and each end, `E item delivery`: written before anything else happens. */
  log: string
}

const { url, name, workers, log } = task<QueueWorkerTask>()
const file = openSync(log, 'a')
const storage = new RedisStorage({ url, prefix: 'faults' })
const queue = QueueFactory.fifo<number>({
  name,
  storage,
  workers,
  lease: '500ms',
  handler: async (item, { delivery }) => {
    writeSync(file, `S ${item} ${delivery}\n`)
    await new Promise((resolve) => setTimeout(resolve, 20))
    writeSync(file, `E ${item} ${delivery}\n`)
  },
})
queue.on('error', () => {})
await queue.start()
tell({ ready: true })
