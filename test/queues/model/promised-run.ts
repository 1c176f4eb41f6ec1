import fc from 'fast-check'
import {
  isAioFluxError,
  type Job,
  type JobClaim,
  type Limiter,
  LimiterFactory,
  type LocalQueue,
  type PutOptions,
  type SharedQueue,
  type StopReport,
  type TaskContext,
} from '../../../src/index.ts'
import type { StoreLimit } from '../../../src/testing/job-store/terms.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { wrongValue } from './due-value.ts'
import { PromisedStorage } from './promised-storage.ts'
import { Tellings } from './tellings.ts'
import { CHILD, type Deed, type Ending, type Item, type Step } from './world.ts'

const LIMIT = 2
const RATE = 20
const BURST = 2
/** Time enough for whatever waits for a hint, a poll, a retry or a limiter. */
const ROUNDS = 400
/** How long the first item of a batch waits for others, in milliseconds. */
const FILL = 50

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** The options of a queue over a storage, as data. */
export interface PromisedWorld {
  kind: 'fifo' | 'priority' | 'delay' | 'dedupe'
  mode: 'ttl' | 'pending' | 'coalesce' | 'latest' | 'debounce'
  /** How long a dedupe queue remembers a key and holds an item back, in milliseconds. */
  ttl: number
  quiet: number
  maxDelay: number | undefined
  /** What a dedupe queue reads of an item, where its put names no key. */
  keyFn: boolean
  priorityFn: boolean
  idTtl: number | undefined
  /** False where `start` is called later. */
  started: boolean
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
  deadLetter: boolean
  metered: boolean
  /** How long a claim holds, in milliseconds: a short one is lost where the clock runs ahead of what renews it. */
  lease: number
  maxDeliveries: number | undefined
  /** How many steps are made before all that they have begun is awaited. */
  together: number
}

export const promisedWorld: fc.Arbitrary<PromisedWorld> = fc.record({
  kind: fc.constantFrom('fifo', 'priority', 'delay', 'dedupe', 'dedupe'),
  mode: fc.constantFrom('ttl', 'pending', 'coalesce', 'latest', 'debounce'),
  ttl: fc.constantFrom(50, 300_000),
  quiet: fc.constantFrom(0, 100),
  maxDelay: fc.constantFrom(undefined, 100, 250),
  keyFn: fc.boolean(),
  priorityFn: fc.boolean(),
  idTtl: fc.constantFrom(undefined, 0, 100),
  started: fc.constantFrom(true, true, true, false),
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
  deadLetter: fc.boolean(),
  metered: fc.boolean(),
  lease: fc.constantFrom(30_000, 30_000, 2000, 600),
  maxDeliveries: fc.constantFrom(undefined, undefined, 1, 2),
  together: fc.constantFrom(1, 1, 3, 10),
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
  /** What each process has told. */
  readonly #told: Tellings[] = []
  readonly #live = new Set<Live>()
  readonly #jobs: { n: number; item: Item; job: Job<unknown>; controller: AbortController }[] = []
  readonly #open: JobClaim<Item, unknown>[] = []
  readonly #starts = new Set<string>()
  /** Items that a batch has had. */
  readonly #tried = new Set<number>()
  /** Since when an item waits, at the earliest. */
  readonly #waitsSince = new Map<number, number>()
  /** Of each process, items whose results it has got: it has to tell of their ends. */
  readonly #owed = new Map<number, Set<number>>()
  /** Processes that end. */
  readonly #stopping = new Set<number>()
  /** The first item that was put with an own id. */
  readonly #firstOf = new Map<string, number>()
  /** Items whose results were asked for, and how often each has settled. */
  readonly #watched = new Set<number>()
  readonly #settled = new Map<number, number>()
  /** Items whose callers have cancelled, and ids of jobs that were cancelled for all callers. */
  readonly #left = new Set<number>()
  readonly #calledOff = new Set<string>()
  /** Own ids and keys of puts that were not accepted in time: a job that was kept too late is cancelled, for its duplicates too. */
  readonly #late = new Set<string | undefined>()
  /** True where queues stop at a deadline. */
  #bounded = false
  /** How many workers there have been at a time. */
  #most = 0
  #puts = 0
  #answered = 0
  #n = 0
  /** True when handlers have put items. */
  #children = false
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
        ...(world.idTtl !== undefined && { idTtl: world.idTtl }),
        ...(world.maxDeliveries !== undefined && { maxDeliveries: world.maxDeliveries }),
        ...(!world.keep && {
          keep: { completed: { age: 0, count: 0 }, dead: { age: 0, count: 0 } },
        }),
      },
      stored ? this.#limiter : undefined,
    )
    this.#queues = Array.from({ length: world.processes }, (_, i) => this.#makeQueue(i))
  }

  async all(steps: readonly Step[], ending: Ending): Promise<void> {
    if (this.#world.started) this.#start()
    for (const [i, step] of steps.entries()) {
      await this.#do(step)
      if (i % this.#world.together > 0) await turn()
      else await this.#flush()
      this.#noFault()
    }
    if (ending.mode === 'drain') {
      // What is asked at once may overtake each other: a pause is not to come after the end of all pauses.
      await this.#flush()
      await this.#drain()
    }
    await this.#end(ending)
  }

  #start(): void {
    for (const queue of this.#queues) void queue.start()
  }

  #makeQueue(process: number): SharedQueue<Item, unknown> {
    const world = this.#world
    const { kind, attempts, pause, timeout, batch, limiter } = world
    const keyed = limiter.startsWith('stored')
    const batching = kind === 'fifo' && batch > 0
    const told = new Tellings()
    this.#told.push(told)
    const options = {
      name: 'model',
      clock: this.#clock,
      workers: world.workers,
      maxSize: world.maxSize,
      overflow: world.overflow,
      lease: world.lease / 1000,
      ...(world.maxDeliveries !== undefined && { maxDeliveries: world.maxDeliveries }),
      ...(world.deadLetter && { deadLetter: told.take }),
      ...(world.metered && { metrics: told.metrics }),
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
        group: ({ said }: Item) => said,
        groupConcurrency: world.groupConcurrency,
      }),
      ...(batching
        ? {
            batchSize: batch,
            batchTimeout: FILL / 1000,
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
    const { mode, ttl, quiet, maxDelay } = world
    const unique = {
      mode,
      ttl: ttl / 1000,
      delay: quiet / 1000,
      ...(maxDelay !== undefined && { maxDelay: maxDelay / 1000 }),
      ...(world.keyFn && { keyFn: ({ same }: Item) => `same-${same}` }),
    }
    const queue = this.#storage.queue<Item, unknown>(kind, {
      ...options,
      ...(world.idTtl !== undefined && { idTtl: world.idTtl / 1000 }),
      ...(kind === 'dedupe' && unique),
      ...(kind === 'priority' && world.priorityFn && { priorityFn: ({ cost }: Item) => cost }),
    })
    told.listen(queue as unknown as LocalQueue<Item, number>, this.#clock, () => {})
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
    if (this.#world.kind === 'fifo' && this.#world.batch > 0) this.#filled(process, items)
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
      // Where jobs are in a storage, no put is told that it waits for ever.
      if (deed === 'puts') {
        this.#children = true
        this.#put(process, { ...CHILD, timeout: 50 })
      }
      if (deed === 'async' || deed === 'puts') setImmediate(() => live.finish(true))
      if (deed === 'rejects') setImmediate(() => live.finish(false))
      if (deed === 'gated') signal().addEventListener('abort', () => live.finish(false))
    })
  }

  #begun(process: number, items: readonly Item[]): void {
    const world = this.#world
    const wanted = [...this.#live].filter(({ signal }) => !signal().aborted)
    const here = wanted.filter((live) => live.process === process)
    const workers = this.#queues[process]?.workers ?? 0
    this.#most = Math.max(this.#most, workers)
    // The halves of a batch are tried by the worker of that batch.
    if (here.length >= (world.bisect && world.batch > 0 ? this.#most : workers))
      this.#fault ??= `${here.length + 1} run in process ${process}, of ${workers} workers`
    const running = [...wanted.flatMap((live) => live.items), ...items]
    for (const item of items) {
      for (const live of wanted)
        if (live.items.some(({ n, name }) => n === item.n || (name !== '' && name === item.name)))
          this.#fault ??= `job ${item.n} ${item.name} runs twice`
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

  /** Dead jobs wait again, where the process has not begun to stop. */
  #redrive(process: number): void {
    const queue = this.#queues[process] as SharedQueue<Item, unknown>
    const closed = this.#stopping.has(process)
    queue.redrive().then(
      (count) => {
        if (closed) this.#fault ??= `redrive answers ${count} when the queue is closed`
      },
      (error: unknown) => {
        if (!closed || !isAioFluxError(error, 'CLOSED')) this.#fault ??= `redrive: ${error}`
      },
    )
  }

  /** A batch that is not full goes when its first item has waited for the others, or when its process ends. */
  #filled(process: number, items: readonly Item[]): void {
    const { batch, bisect } = this.#world
    if (items.length > batch) this.#fault ??= `a batch of ${items.length}`
    const now = this.#clock.now()
    // One half of a batch that failed is no new batch.
    const halved = bisect && items.every(({ n }) => this.#tried.has(n))
    for (const { n } of items) this.#tried.add(n)
    if (items.length === batch || halved || this.#stopping.has(process)) return
    const since = Math.min(...items.map(({ n }) => this.#waitsSince.get(n) ?? 0))
    if (now - since < FILL)
      this.#fault ??= `a batch of ${items.length} went after ${now - since} ms, with job ${items[0]?.n}`
  }

  #costOf(items: readonly Item[]): number {
    return items.reduce((sum, { cost }) => sum + (this.#world.costs ? cost : 1), 0)
  }

  async #do(step: Step): Promise<void> {
    const process = this.#n % this.#queues.length
    const queue = this.#queues[process] as SharedQueue<Item, unknown>
    switch (step.do) {
      case 'put':
        this.#put(process, step)
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
        const { mode } = this.#world
        // The caller of the newest item calls it off for all.
        const forAll = step.how === 'id' || mode === 'latest' || mode === 'debounce'
        if (forAll) this.#calledOff.add(entry.job.id)
        for (const { n, controller } of this.#jobs) {
          // The items of a putMany have one signal.
          if (step.how === 'signal' ? controller === entry.controller : n === entry.n)
            this.#left.add(n)
        }
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
        if (step.how === 'complete') void claim.complete(claim.item.n)
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
        this.#redrive(process)
        break
      case 'start':
        this.#start()
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

  #put(process: number, step: Step & { do: 'put' }): void {
    const queue = this.#queues[process] as SharedQueue<Item, unknown>
    const controller = new AbortController()
    const item = this.#item(step)
    const options = this.#optionsOf(step, controller.signal)
    this.#puts += 1
    const answered = () => {
      this.#answered += 1
    }
    const refused = () => {
      if (step.timeout === undefined) return
      for (const name of [item.own, item.name]) if (name !== '') this.#late.add(name)
    }
    switch (step.how) {
      case 'submit':
        this.#watched.add(item.n)
        void queue
          .submit(item, options)
          .catch((error: unknown) => {
            refused()
            throw error
          })
          .then(...this.#counting(process, item, undefined))
          .finally(answered)
        break
      case 'putMany': {
        const items = [item, this.#item(step)]
        void queue
          .putMany(items, options)
          .then((jobs) => {
            for (const [i, job] of jobs.entries())
              this.#kept(process, items[i] as Item, job, controller)
          }, refused)
          .finally(answered)
        break
      }
      case 'put':
      case 'offer':
        void queue
          .put(item, options)
          .then((job) => this.#kept(process, item, job, controller), refused)
          .finally(answered)
    }
  }

  #item({ item, group = item.group, same, id }: Step & { do: 'put' }): Item {
    const { kind } = this.#world
    const n = this.#n++
    this.#waitsSince.set(n, this.#clock.now())
    const own = id === undefined ? '' : `own-${id}`
    if (kind !== 'dedupe') return { ...item, n, same, group, said: item.group, name: own, own }
    // What takes the place of another has the key, the cost and the group of that one.
    const like = {
      key: 'abc'.charAt(same % 3),
      cost: 1 + (same % 2),
      group: 'xyz'.charAt(same % 3),
    }
    return { ...item, ...like, n, same, said: like.group, name: `same-${same}`, own }
  }

  #optionsOf(step: Step & { do: 'put' }, signal: AbortSignal): PutOptions {
    const { kind, priorityFn, keyFn } = this.#world
    const { delay, dated, id, timeout, retry } = step
    return {
      ...(kind === 'priority' && !(priorityFn && step.signal) && { priority: step.priority }),
      ...(kind === 'dedupe' && !keyFn && { key: `same-${step.same}` }),
      ...(kind !== 'dedupe' && step.group !== undefined && { group: step.group }),
      ...(delay !== undefined &&
        (dated ? { at: new Date(this.#clock.wall() + delay) } : { delay: delay / 1000 })),
      ...(id !== undefined && { id: `own-${id}` }),
      ...(step.signal && { signal }),
      ...(timeout !== undefined && { timeout: timeout / 1000 }),
      ...(retry !== undefined && { retry: { attempts: retry, baseDelay: 0 } }),
    }
  }

  #kept(process: number, item: Item, job: Job<unknown>, controller: AbortController): void {
    const { n } = item
    this.#jobs.push({ n, item, job, controller })
    this.#watched.add(n)
    void job.result.then(...this.#counting(process, item, job))
  }

  /** @param job `undefined` where it is not known: then it may be that of another put */
  #counting(
    process: number,
    { n, own = '' }: Item,
    job: Job<unknown> | undefined,
  ): [(value: unknown) => void, () => void] {
    const { kind, mode, maxSize, together } = this.#world
    const count = () => {
      this.#settled.set(n, (this.#settled.get(n) ?? 0) + 1)
    }
    if (own !== '') this.#firstOf.set(own, Math.min(n, this.#firstOf.get(own) ?? n))
    const named = own !== '' && (job?.id ?? own) === own
    // A duplicate of a key may be one that has joined, or one that was refused.
    const refused = named || kind !== 'dedupe' || mode === 'ttl' || mode === 'pending'
    const duplicate = job === undefined || (job.state === 'duplicate' && refused)
    // Puts that are under way at once, or wait for room, overtake each other.
    const vague = () =>
      (kind === 'dedupe' || named) && (maxSize < 1000 || together > 1 || this.#children)
    const completed = (value: unknown) => {
      // Where a job is called off for all, its callers have the result of the item that runs all the same.
      const { size } = this.#calledOff
      const calledOff = job === undefined ? size > 0 : this.#calledOff.has(job.id)
      // An own id that has been put before stands for the job of that put.
      const repeated = own !== '' && (this.#firstOf.get(own) ?? n) < n
      if (!vague() && !calledOff && !repeated)
        this.#fault ??= wrongValue({ kind, mode, n, duplicate, byId: named }, value)
      if (kind !== 'dedupe' && !named) this.#owe(process, n)
      count()
    }
    return [completed, count]
  }

  #owe(process: number, n: number): void {
    const owed = this.#owed.get(process) ?? new Set()
    this.#owed.set(process, owed.add(n))
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
    this.#start()
    this.#resume()
    for (const queue of this.#queues) queue.workers = Math.max(1, queue.workers)
    let left = ''
    for (let round = 0; round < ROUNDS; round++) {
      await this.#flush()
      this.#noFault()
      for (const live of [...this.#live]) live.finish(true)
      for (const claim of this.#open.splice(0)) void claim.complete(claim.item.n)
      await this.#flush()
      const counting = (this.#queues[0] as SharedQueue<Item, unknown>).counts()
      await this.#flush()
      const { waiting, delayed, running } = await counting
      const settled = [...this.#watched].filter((n) => this.#settled.get(n) === 1).length
      if (
        waiting + delayed + running === 0 &&
        settled === this.#watched.size &&
        this.#answered === this.#puts
      ) {
        return
      }
      left = `${waiting} wait, ${delayed} are delayed, ${running} run; ${settled} of ${this.#watched.size} results, ${this.#answered} of ${this.#puts} puts answered`
      await this.#clock.advanceAsync(0.1)
    }
    throw new Error(`it never comes to rest: ${left}`)
  }

  async #end({ mode, deadline, grace, workers, again, meanwhile }: Ending): Promise<void> {
    const queues = this.#queues
    const steps = [...meanwhile]
    const reports = new Set<number>()
    this.#bounded = deadline !== undefined || again !== undefined
    const stop = (process: number, within: number | undefined) => {
      this.#stopping.add(process)
      const bound = within !== undefined && { deadline: within / 1000, grace: grace / 1000 }
      const queue = queues[process] as SharedQueue<Item, unknown>
      void queue.stop({ mode, ...bound }).then((report) => {
        if (!reports.has(process)) this.#reported(process, report)
        reports.add(process)
      })
    }
    for (const [process, queue] of queues.entries()) {
      if (workers !== undefined) queue.workers = workers
      stop(process, deadline)
      // The others go on for a while.
      const step = steps.shift()
      if (step !== undefined) await this.#do(step)
    }
    for (let round = 0; round < ROUNDS && reports.size < queues.length; round++) {
      await this.#flush()
      this.#noFault()
      if (round === 1 && again !== undefined) for (const each of queues.keys()) stop(each, again)
      const step = steps.shift()
      if (step !== undefined) {
        await this.#do(step)
        continue
      }
      if (deadline === undefined && again === undefined) {
        for (const live of [...this.#live]) live.finish(true)
      }
      if (round > 1) await this.#clock.advanceAsync(0.1)
    }
    this.#must(reports.size === queues.length, 'stop did not return')
    for (const step of steps) await this.#do(step)
    for (const live of [...this.#live]) live.finish(true)
    await this.#flush()
    this.#noFault()
    this.#must(
      this.#answered === this.#puts,
      `${this.#puts - this.#answered} puts were never answered`,
    )
    for (const n of this.#watched) {
      const times = this.#settled.get(n) ?? 0
      this.#must(times === 1, `the result of job ${n} settled ${times} times`)
    }
    for (const { n, item, job } of this.#jobs) {
      const { mode, kind } = this.#world
      // The caller of the newest item may cancel it for the others.
      const others = kind === 'dedupe' && (mode === 'latest' || mode === 'debounce')
      const late = this.#late.has(item.own) || this.#late.has(item.name)
      const asked = others || late || this.#left.has(n) || this.#calledOff.has(job.id)
      this.#must(
        asked || job.state !== 'cancelled' || this.#leftBySame(job.id),
        `job ${n} is cancelled, and its caller has not left`,
      )
    }
    // A caller of the storage waits at least so long.
    await this.#clock.advanceAsync(0.1)
    await this.#flush()
    this.#must(this.#clock.timers === 0, `${this.#clock.timers} timers are left`)
  }

  /** What a process tells at its end agrees with what it has told before. */
  #reported(process: number, report: StopReport<Item>): void {
    const told = this.#told[process] as Tellings
    const { metered, deadLetter } = this.#world
    const other = metered ? told.disagreement('model', true) : undefined
    this.#fault ??= other && `process ${process}: ${other}`
    const sent = deadLetter ? report.failed : 0
    if (!this.#bounded && told.letters !== sent)
      this.#fault ??= `process ${process} has sent ${told.letters} dead letters of ${report.failed} failures`
    if (told.counts.completed < report.completed || told.counts.failed < report.failed)
      this.#fault ??= `process ${process} has not told of all ${report.completed} and ${report.failed} ends`
    // At a deadline, what has just ended may be told after the report.
    for (const n of this.#bounded ? [] : (this.#owed.get(process) ?? [])) {
      if (!told.ends.has(n))
        this.#fault ??= `process ${process} has the result of job ${n}, and told of no end`
    }
    this.#toldOnce(process)
    const lists = [...report.notStarted, ...report.aborted, ...report.stillRunning]
    const ids = lists.map(({ id }) => id)
    if (new Set(ids).size < ids.length) this.#fault ??= `a job is listed twice: ${ids}`
  }

  #toldOnce(process: number): void {
    const { ends } = this.#told[process] as Tellings
    for (const n of this.#owed.get(process) ?? []) {
      const times = ends.get(n) ?? 0
      if (times > 1) this.#fault ??= `process ${process} told ${times} times of the end of job ${n}`
    }
  }

  /** True where the job is that of one caller alone, and the others, refused as duplicates, have its result. */
  #leftBySame(id: string): boolean {
    const { kind, mode } = this.#world
    if (kind === 'dedupe' && mode === 'coalesce' && id.startsWith('same-')) return false
    return this.#jobs.some(({ n, job }) => job.id === id && this.#left.has(n))
  }

  #noFault(): void {
    this.#must(this.#fault === undefined, this.#fault ?? '')
    for (const [process, { trouble }] of this.#told.entries()) {
      const text = `process ${process} told of an error: ${String(trouble)}`
      this.#must(trouble === undefined, text)
    }
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
