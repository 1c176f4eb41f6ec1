import fc from 'fast-check'
import {
  type Job,
  type JobClaim,
  type Limiter,
  LimiterFactory,
  type SharedQueue,
  type TaskContext,
} from '../../../src/index.ts'
import type { StoreLimit } from '../../../src/testing/job-store/terms.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { PromisedStorage } from './promised-storage.ts'
import type { Deed, Ending, Item, Step } from './world.ts'

const LIMIT = 2
const RATE = 20
const BURST = 2
/** Time enough for whatever waits for a hint, a poll, a retry or a limiter. */
const ROUNDS = 400

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** The options of a queue over a storage, as data. */
export interface PromisedWorld {
  kind: 'fifo' | 'priority' | 'delay'
  /** How many processes work, and with how many workers each. */
  processes: number
  workers: number
  /** Decided by the store for each key, or asked in each process before a claim. */
  limiter: 'none' | 'stored permits' | 'stored bucket' | 'local bucket' | 'local permits'
  /** What a start costs is told by its item: where the store decides the limit. */
  costs: boolean
  groups: boolean
  groupConcurrency: number
  attempts: number
  pause: number
  timeout: number | undefined
  release: boolean
  batch: number
  bisect: boolean
  maxSize: number
  overflow: 'wait' | 'reject' | 'drop-oldest' | 'drop-newest'
  keep: boolean
}

export const promisedWorld: fc.Arbitrary<PromisedWorld> = fc.record({
  kind: fc.constantFrom('fifo', 'priority', 'delay'),
  processes: fc.integer({ min: 1, max: 2 }),
  workers: fc.integer({ min: 1, max: 3 }),
  limiter: fc.constantFrom(
    'none',
    'none',
    'stored permits',
    'stored bucket',
    'local bucket',
    'local permits',
  ),
  costs: fc.boolean(),
  groups: fc.boolean(),
  groupConcurrency: fc.constantFrom(1, 2, Infinity),
  attempts: fc.integer({ min: 1, max: 3 }),
  pause: fc.constantFrom(0, 30, 300),
  timeout: fc.constantFrom(undefined, undefined, 100),
  release: fc.boolean(),
  batch: fc.constantFrom(0, 0, 2, 3),
  bisect: fc.boolean(),
  maxSize: fc.constantFrom(2, 5, 1000, 1000),
  overflow: fc.constantFrom('wait', 'reject', 'drop-oldest', 'drop-newest'),
  keep: fc.boolean(),
})

interface Live {
  readonly process: number
  readonly items: readonly Item[]
  readonly signal: () => AbortSignal
  readonly finish: (well: boolean) => void
}

/** Queues over one storage with random options, driven by random steps, and what must hold of them. */
export class PromisedRun {
  readonly #world: PromisedWorld
  readonly #clock = new ManualClock()
  readonly #storage: PromisedStorage
  readonly #limiter: Limiter | undefined
  readonly #queues: SharedQueue<Item, unknown>[]
  readonly #live = new Set<Live>()
  readonly #jobs: { n: number; job: Job<unknown>; controller: AbortController }[] = []
  readonly #open: JobClaim<Item, unknown>[] = []
  readonly #starts = new Set<string>()
  readonly #settled = new Map<number, number>()
  #puts = 0
  #answered = 0
  #n = 0
  #fault: string | undefined

  constructor(world: PromisedWorld) {
    this.#world = world
    const { limiter } = world
    const clock = this.#clock
    this.#limiter = limiter === 'none' ? undefined : makeLimiter(limiter, clock)
    const stored = limiter.startsWith('stored')
    this.#storage = new PromisedStorage(
      clock,
      {
        groupConcurrency: world.groups ? finite(world.groupConcurrency) : undefined,
        limiter: storeLimit(limiter),
        ...(!world.keep && {
          keep: { completed: { age: 0, count: 0 }, dead: { age: 0, count: 0 } },
        }),
      },
      stored ? this.#limiter : undefined,
    )
    this.#queues = Array.from({ length: world.processes }, (_, i) => this.#makeQueue(i))
  }

  async all(steps: readonly Step[], ending: Ending): Promise<void> {
    for (const queue of this.#queues) void queue.start()
    for (const step of steps) {
      await this.#do(step)
      await this.#flush()
      this.#must(this.#fault === undefined, this.#fault ?? '')
    }
    if (ending.mode === 'drain') await this.#drain()
    await this.#end(ending)
  }

  #makeQueue(process: number): SharedQueue<Item, unknown> {
    const world = this.#world
    const { kind, attempts, pause, timeout, batch, limiter } = world
    const keyed = limiter.startsWith('stored')
    const batching = kind === 'fifo' && batch > 0
    const options = {
      name: 'model',
      clock: this.#clock,
      workers: world.workers,
      maxSize: world.maxSize,
      overflow: world.overflow,
      retry:
        pause === 0
          ? { attempts, baseDelay: 0 }
          : { attempts, baseDelay: pause / 1000, maxDelay: pause / 1000, jitter: 'none' as const },
      onTimeout: world.release ? ('release' as const) : ('hold' as const),
      ...(timeout !== undefined && { timeout: timeout / 1000 }),
      ...(this.#limiter !== undefined && { limiter: this.#limiter }),
      ...(keyed && { limiterKey: (item: Item) => item.key }),
      ...(keyed && world.costs && { limiterCost: (item: Item) => item.cost }),
      ...(world.groups && {
        group: ({ group }: Item) => group,
        groupConcurrency: world.groupConcurrency,
      }),
      ...(batching
        ? {
            batchSize: batch,
            batchTimeout: 0.05,
            bisectOnError: world.bisect,
            batchFn: (items: Item[], context: { signal: AbortSignal }) =>
              this.#work(
                process,
                items,
                () => context.signal,
                items[0]?.deeds[0] ?? 'sync',
                items.map(({ n }) => n),
              ),
          }
        : {
            handler: (item: Item, context: TaskContext) => this.#handle(process, item, context),
          }),
    }
    const queue = this.#storage.queue<Item, unknown>(kind, options)
    queue.on('error', ({ error }) => {
      this.#fault ??= `process ${process} told of an error: ${String(error)}`
    })
    queue.on('failed', () => {})
    return queue
  }

  #handle(process: number, item: Item, context: TaskContext): unknown {
    const start = `${item.n} as delivery ${context.delivery}`
    if (this.#starts.has(start)) this.#fault ??= `job ${start} was begun twice`
    this.#starts.add(start)
    const deed = item.deeds[Math.min(context.attempt, item.deeds.length) - 1] ?? 'sync'
    return this.#work(process, [item], () => context.signal, deed, item.n)
  }

  #work(
    process: number,
    items: readonly Item[],
    signal: () => AbortSignal,
    deed: Deed,
    result: unknown,
  ): unknown {
    signal()
    this.#begun(process, items)
    if (deed === 'sync') return result
    if (deed === 'throws') throw new Error('thrown')
    return new Promise<unknown>((resolve, reject) => {
      const live: Live = {
        process,
        items,
        signal,
        finish: (well) => {
          if (!this.#live.delete(live)) return
          if (well) resolve(result)
          else reject(new Error('failed'))
        },
      }
      this.#live.add(live)
      if (deed === 'async') setImmediate(() => live.finish(true))
      if (deed === 'rejects') setImmediate(() => live.finish(false))
      if (deed === 'gated') signal().addEventListener('abort', () => live.finish(false))
    })
  }

  #begun(process: number, items: readonly Item[]): void {
    const world = this.#world
    const wanted = [...this.#live].filter(({ signal }) => !signal().aborted)
    const here = wanted.filter((live) => live.process === process)
    const workers = this.#queues[process]?.workers ?? 0
    // The halves of a batch are tried by the worker of that batch.
    if (here.length >= Math.max(workers, world.bisect && world.batch > 0 ? world.workers : 0))
      this.#fault ??= `${here.length + 1} run in process ${process}, of ${workers} workers`
    const running = [...wanted.flatMap((live) => live.items), ...items]
    for (const item of items) {
      for (const live of wanted)
        if (live.items.some(({ n }) => n === item.n)) this.#fault ??= `job ${item.n} runs twice`
      const like = running.filter(({ group }) => group === item.group)
      if (world.groups && like.length > world.groupConcurrency)
        this.#fault ??= `group ${item.group} has more than ${world.groupConcurrency} running`
      const keyed = running.filter(({ key }) => key === item.key)
      if (world.limiter === 'stored permits' && this.#costOf(keyed) > LIMIT)
        this.#fault ??= `more than ${LIMIT} permits of '${item.key}' are in use`
      if (world.limiter === 'local permits' && running.length > LIMIT)
        this.#fault ??= `more than ${LIMIT} permits are in use`
    }
  }

  #costOf(items: readonly Item[]): number {
    return items.reduce((sum, { cost }) => sum + (this.#world.costs ? cost : 1), 0)
  }

  async #do(step: Step): Promise<void> {
    const queue = this.#queues[this.#n % this.#queues.length] as SharedQueue<Item, unknown>
    switch (step.do) {
      case 'put':
        this.#put(queue, step)
        break
      case 'finish':
        pick([...this.#live], step.which)?.finish(step.well)
        break
      case 'advance':
        await this.#clock.advanceAsync(step.ms / 1000)
        break
      case 'cancel': {
        const entry = pick(this.#jobs, step.which)
        if (entry === undefined) break
        if (step.how === 'job') void entry.job.cancel()
        else if (step.how === 'id') void queue.cancel(entry.job.id || 'none')
        else entry.controller.abort(new Error('called off'))
        break
      }
      case 'move':
        void pick(this.#jobs, step.which)?.job.setPriority(step.priority)
        break
      case 'workers':
        queue.workers = step.workers
        break
      case 'claim':
        void queue.claim({ max: step.max, timeout: 0.02 }).then(
          (claims) => this.#open.push(...claims),
          () => {},
        )
        break
      case 'settle': {
        const claim = pick(this.#open, step.which)
        if (claim === undefined) break
        this.#open.splice(this.#open.indexOf(claim), 1)
        if (step.how === 'complete') void claim.complete(1)
        else if (step.how === 'fail') void claim.fail(new Error('by hand'))
        else void claim.release(step.delay / 1000)
        break
      }
      case 'remove': {
        const entry = pick(this.#jobs, step.which)
        // A job that was not accepted has no id.
        if (entry !== undefined) void queue.remove(entry.job.id || 'none')
        break
      }
      case 'redrive':
        void queue.redrive()
        break
      case 'pause':
        void queue.pause({ everywhere: this.#n % 2 === 0 })
        break
      case 'resume':
        this.#resume()
        break
      case 'clear':
        void queue.clear()
        break
      case 'get':
      case 'tryGet':
        void queue.get({ timeout: 0.02 }).catch(() => {})
        break
    }
  }

  #resume(): void {
    for (const each of this.#queues) {
      void each.resume()
      void each.resume({ everywhere: true })
    }
  }

  #put(queue: SharedQueue<Item, unknown>, step: Step & { do: 'put' }): void {
    const n = this.#n++
    const controller = new AbortController()
    const { same, item: parts } = step
    const item: Item = { ...parts, n, same, said: parts.group }
    this.#puts += 1
    const put = queue.put(item, {
      ...(this.#world.kind === 'priority' && { priority: step.priority }),
      ...(step.delay !== undefined && { delay: step.delay / 1000 }),
      ...(step.id !== undefined && { id: `own-${step.id}` }),
      ...(step.signal && { signal: controller.signal }),
      ...(step.timeout !== undefined && { timeout: step.timeout / 1000 }),
      ...(step.retry !== undefined && { retry: { attempts: step.retry, baseDelay: 0 } }),
    })
    void put
      .then(
        (job) => {
          this.#jobs.push({ n, job, controller })
          const count = () => this.#settled.set(n, (this.#settled.get(n) ?? 0) + 1)
          job.result.then(count, count)
        },
        () => {},
      )
      .finally(() => {
        this.#answered += 1
      })
  }

  /** Lets all go on that can without time. */
  async #flush(): Promise<void> {
    for (let calm = 0; calm < 3; calm++) {
      await turn()
      if (this.#storage.late > 0) calm = -1
    }
  }

  /** Where handlers and claims end, all jobs end: nothing waits for ever. */
  async #drain(): Promise<void> {
    this.#resume()
    for (const queue of this.#queues) queue.workers = Math.max(1, queue.workers)
    let left = ''
    for (let round = 0; round < ROUNDS; round++) {
      await this.#flush()
      this.#must(this.#fault === undefined, this.#fault ?? '')
      for (const live of [...this.#live]) live.finish(true)
      for (const claim of this.#open.splice(0)) void claim.complete(1)
      await this.#flush()
      const counting = (this.#queues[0] as SharedQueue<Item, unknown>).counts()
      await this.#flush()
      const { waiting, delayed, running } = await counting
      const settled = this.#jobs.filter(({ n }) => this.#settled.get(n) === 1).length
      if (
        waiting + delayed + running === 0 &&
        settled === this.#jobs.length &&
        this.#answered === this.#puts
      ) {
        return
      }
      left = `${waiting} wait, ${delayed} are delayed, ${running} run; ${settled} of ${this.#jobs.length} results, ${this.#answered} of ${this.#puts} puts answered`
      await this.#clock.advanceAsync(0.1)
    }
    throw new Error(`it never comes to rest: ${left}`)
  }

  async #end({ deadline, grace }: Ending): Promise<void> {
    let stopped = 0
    for (const queue of this.#queues) {
      void queue
        .stop({ ...(deadline !== undefined && { deadline: deadline / 1000, grace: grace / 1000 }) })
        .then(() => {
          stopped += 1
        })
    }
    for (let round = 0; round < ROUNDS && stopped < this.#queues.length; round++) {
      await this.#flush()
      this.#must(this.#fault === undefined, this.#fault ?? '')
      if (deadline === undefined) for (const live of [...this.#live]) live.finish(true)
      if (round > 1) await this.#clock.advanceAsync(0.1)
    }
    this.#must(stopped === this.#queues.length, 'stop did not return')
    for (const live of [...this.#live]) live.finish(true)
    await this.#flush()
    this.#must(this.#fault === undefined, this.#fault ?? '')
    this.#must(
      this.#answered === this.#puts,
      `${this.#puts - this.#answered} puts were never answered`,
    )
    for (const { n, job } of this.#jobs) {
      this.#must(
        this.#settled.get(n) === 1,
        `the result of job ${n}, ${job.state}, settled ${this.#settled.get(n) ?? 0} times`,
      )
    }
    // A caller of the storage waits at least so long.
    await this.#clock.advanceAsync(0.1)
    await this.#flush()
    this.#must(this.#clock.timers === 0, `${this.#clock.timers} timers are left`)
  }

  #must(holds: boolean, fault: string): void {
    if (!holds) throw new Error(fault)
  }
}

function makeLimiter(kind: PromisedWorld['limiter'], clock: ManualClock): Limiter {
  return kind.endsWith('permits')
    ? LimiterFactory.concurrency({ limit: LIMIT, clock })
    : LimiterFactory.tokenBucket({ rate: RATE, burst: BURST, clock })
}

function storeLimit(kind: PromisedWorld['limiter']): StoreLimit | undefined {
  if (kind === 'stored permits') return { kind: 'concurrency', limit: LIMIT }
  if (kind === 'stored bucket') {
    return { kind: 'token-bucket', rate: RATE, per: 1000, burst: BURST }
  }
  return undefined
}

function finite(count: number): number | undefined {
  return count === Infinity ? undefined : count
}

function pick<T>(list: readonly T[], which: number): T | undefined {
  return list[which % list.length]
}
