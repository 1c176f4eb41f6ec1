import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QueueFactory, type SharedQueue } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { type Crew, crew } from '../support/crew.ts'
import { until } from '../support/until.ts'
import type { QueueWorkerTask } from './workers/queue-worker.ts'

/** What a worker wrote about a job, when it happened. */
export interface Line {
  /** Start, end, or the abort of its signal. */
  readonly what: 'S' | 'E' | 'A'
  readonly item: number
  readonly delivery: number
  /** In milliseconds since 1970. */
  readonly at: number
}

/** A queue of numbers, the processes that work on it, and what they wrote about their jobs. */
export interface Scene extends AsyncDisposable {
  readonly queue: SharedQueue<number, number>
  readonly storage: RedisStorage
  readonly task: QueueWorkerTask
  /** Starts worker processes; `more` is what differs from the task of the scene. */
  hire(count?: number, more?: Partial<QueueWorkerTask>): Promise<Crew>
  lines(what: Line['what']): Line[]
  /** How many of these jobs never came to their end. */
  lost(count: number): number
  /** Waits until nothing waits, is delayed or runs. */
  done(within?: number): Promise<void>
  /** What in Redis does not agree. */
  audit(): Promise<string[]>
}

export interface SceneOptions {
  url: string
  /** Where workers find Redis. @default url */
  workersUrl?: string
  name: string
  kind?: 'fifo' | 'priority' | 'delay' | 'dedupe'
  /** Of each worker process. @default 10 */
  workers?: number
  /** Options of the queue that every process states. */
  options?: object
  task?: Partial<QueueWorkerTask>
}

export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

export function scene(given: SceneOptions): Scene {
  const { url, kind = 'fifo', workers = 10, options = {} } = given
  // A test that is tried again begins anew.
  const name = `${given.name}-${crypto.randomUUID().slice(0, 8)}`
  const dir = mkdtempSync(join(tmpdir(), 'aioflux-queue-'))
  const log = join(dir, 'log')
  writeFileSync(log, '')
  const storage = new RedisStorage({ url, prefix: 'faults', timeout: '10s' })
  const make = QueueFactory[kind] as (options: object) => unknown
  const queue = make({ name, storage, ...options }) as SharedQueue<number, number>
  const task: QueueWorkerTask = {
    ...{ url: given.workersUrl ?? url, name, kind, workers, log, options },
    ...given.task,
  }
  const all = () =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): Line => {
        const [what, item, delivery, at] = line.split(' ')
        const numbers = { item: Number(item), delivery: Number(delivery), at: Number(at) }
        return { what: what as Line['what'], ...numbers }
      })
  return {
    queue,
    storage,
    task,
    hire: (count = 1, more = {}) =>
      crew(
        'queue-worker',
        numbers(count).map(() => ({ ...task, ...more })),
      ),
    lines: (what) => all().filter((line) => line.what === what),
    lost(count) {
      const ended = new Set(all().flatMap(({ what, item }) => (what === 'E' ? [item] : [])))
      return numbers(count).filter((n) => !ended.has(n)).length
    },
    async done(within = 100_000) {
      const empty = async () => {
        const { waiting, delayed, running } = await queue.counts()
        return waiting + delayed + running === 0
      }
      await until('the end of all jobs', empty, { within, every: 50 })
    },
    async audit() {
      const store = storage.queues.open({
        ...{ name, declaration: {}, resultTtl: 60_000, idTtl: 60_000, maxItemBytes: 1e6 },
        codec: { name: 'json', encode: JSON.stringify, decode: (text) => JSON.parse(`${text}`) },
      }) as unknown as { audit(): Promise<string[]>; close(): Promise<void> }
      const faults = await store.audit()
      await store.close()
      return faults
    },
    async [Symbol.asyncDispose]() {
      await queue.stop({ deadline: 0 })
      await storage.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
