import { openSync, writeSync } from 'node:fs'
import { QueueFactory, type SharedQueue, type TaskContext } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { task, tell } from './worker.ts'

export interface QueueWorkerTask {
  url: string
  name: string
  /** @default 'fifo' */
  kind?: 'fifo' | 'priority' | 'delay' | 'dedupe'
  workers: number
  /**
   * Gets a line for each start, `S item delivery time`, each end, `E item delivery time`, and each signal, `A item delivery time`:
   * written before anything else happens. The time is in milliseconds since 1970.
   */
  log: string
  /** @default '500ms' */
  lease?: '200ms' | '500ms' | '1s' | '2s' | '30s'
  /** How long a job takes. @default 20 */
  takes?: number
  /** Jobs that end their process. */
  poison?: number[]
  /** One job in so many blocks the event loop, for so long in milliseconds. */
  blocks?: { every: number; ms: number }
  /** Jobs belong to so many groups, by their number. */
  groups?: number
  /** Further options of the queue. */
  options?: object
}

const { url, name, log, ...rest } = task<QueueWorkerTask>()
const { kind = 'fifo', workers, lease = '500ms', takes = 20, poison = [], blocks } = rest
const file = openSync(log, 'a')
const storage = new RedisStorage({ url, prefix: 'faults' })
const note = (what: string, item: number, delivery: number) =>
  writeSync(file, `${what} ${item} ${delivery} ${Date.now()}\n`)

async function work(item: number, delivery: number, signal: AbortSignal | undefined) {
  note('S', item, delivery)
  if (signal?.aborted) note('A', item, delivery)
  else signal?.addEventListener('abort', () => note('A', item, delivery))
  if (poison.includes(item)) {
    // The neighbours have begun by then.
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.kill(process.pid, 'SIGKILL')
  }
  if (blocks !== undefined && item % blocks.every === 0 && delivery === 1) {
    const over = performance.now() + blocks.ms
    while (performance.now() < over);
  }
  await new Promise((resolve) => setTimeout(resolve, takes))
  note('E', item, delivery)
  return item
}

const make = QueueFactory[kind] as (options: object) => SharedQueue<number, number>
const queue = make({
  ...{ name, storage, workers, lease, ...rest.options },
  ...(rest.groups !== undefined && { group: (item: number) => `g${item % (rest.groups ?? 1)}` }),
  handler: (item: number, context: TaskContext) =>
    // Who asks for the signal pays for it.
    work(item, context.delivery, blocks === undefined ? undefined : context.signal),
})
queue.on('error', () => {})
process.on('SIGTERM', () => {
  void queue.stop({ deadline: '2s' }).then(async () => {
    await storage.close()
    process.disconnect()
  })
})
await queue.start()
tell({ ready: true })
