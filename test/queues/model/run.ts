import {
  type Job,
  type JobClaim,
  JobTimeoutError,
  type Limiter,
  LimiterFactory,
  type LocalQueue,
  type PutOptions,
  QueueFactory,
  type StopReport,
  type TaskContext,
} from '../../../src/index.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { wrongValue } from './due-value.ts'
import { Firsts } from './firsts.ts'
import { LateLimiter } from './late-limiter.ts'
import { Tellings } from './tellings.ts'
import { CHILD, type Deed, type Ending, type Item, type Step, type World } from './world.ts'

const LIMIT = 2
const RATE = 20
const BURST = 2
/** For how many milliseconds ended jobs are kept: all of them, or the last few. */
const KEPT_ALL = 3_600_000
const KEPT_FEW = 500

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A clock whose time passes between two readings. */
class CreepingClock extends ManualClock {
  #crept = 0
  #setting = false
  readonly #step: number

  constructor(step: number) {
    super()
    this.#step = step
  }

  override now(): number {
    if (this.#setting) return super.now()
    this.#crept += this.#step
    return super.now() + this.#crept
  }

  /** Timers ring when the clock has been moved so far, not when it has crept there. */
  override after(delay: number, run: () => void): () => void {
    this.#setting = true
    const cancel = super.after(delay, run)
    this.#setting = false
    return cancel
  }
}

/** One call of a handler that has not ended. */
interface Live {
  readonly items: readonly Item[]
  readonly signal: () => AbortSignal
  readonly finish: (well: boolean) => void
  /** True while it waits for room in its own queue. */
  inside: boolean
}

/**
 * A queue with random options, driven by random steps, and what must hold of it after each of them. A rule that is broken
 * throws; handlers note it, since what they throw is an attempt that failed.
 */
export class ModelRun {
  readonly #world: World
  readonly #clock: ManualClock
  readonly #limiter: Limiter | undefined
  /** The limiter as it is, for a look at its permits. */
  readonly #inner: Limiter | undefined
  readonly #queue: LocalQueue<Item, number>
  readonly #live = new Set<Live>()
  readonly #jobs: { n: number; job: Job<number>; controller: AbortController }[] = []
  readonly #open: JobClaim<Item, number>[] = []
  readonly #starts = new Set<string>()
  readonly #told = new Tellings()
  readonly #late: LateLimiter | undefined
  /** The items that own ids stand for, and the first items of the keys of a dedupe queue. */
  readonly #ids: Firsts
  readonly #keys: Firsts
  /** Items whose results were asked for, and how often each has settled. */
  readonly #watched = new Set<number>()
  readonly #settled = new Map<number, number>()
  /** Items that were accepted, and no job is known of them. */
  readonly #offered = new Set<number>()
  readonly #pulled = new Set<number>()
  readonly #lastOf = new Map<string, number>()
  readonly #notBefore = new Map<number, number>()
  #redrives = 0
  #most = 0
  #ordered: boolean
  /** True where handlers or listeners may put an item while another is being put. */
  readonly #meddled: boolean
  /** True where jobs have groups, of the queue or of their puts. */
  readonly #grouped: boolean
  #started = false
  #paused = false
  #stopping = false
  #n = 0
  #steps = 0
  #moments = 0
  #interrupted = 0
  #fault: string | undefined

  constructor(world: World, steps: readonly Step[]) {
    this.#world = world
    this.#clock = new CreepingClock(world.creep)
    this.#inner = this.#makeLimiter()
    this.#late = this.#inner && world.late ? new LateLimiter(this.#inner) : undefined
    this.#limiter = this.#late?.limiter ?? this.#inner
    const { kind, mode, attempts, batch } = world
    this.#meddled =
      world.inside.length > 0 ||
      steps.some((each) => each.do === 'put' && each.item.deeds.includes('puts'))
    this.#ordered =
      (kind === 'fifo' || (kind === 'dedupe' && (mode === 'ttl' || mode === 'pending'))) &&
      attempts === 1 &&
      batch === 0 &&
      [...steps, ...world.inside].every(
        (each) =>
          (each.do !== 'put' || (each.delay === undefined && each.retry === undefined)) &&
          // Between two items of a putMany, a handler may put a third, whose number is higher.
          (each.do !== 'put' || each.how !== 'putMany' || !this.#meddled) &&
          // A claim that is given back returns to its old place, behind jobs that have begun meanwhile.
          each.do !== 'claim' &&
          each.do !== 'redrive',
      )
    this.#grouped =
      world.groups ||
      [...steps, ...world.inside].some((each) => each.do === 'put' && each.group !== undefined)
    const { idTtl = 86_400_000, keep, ttl } = world
    this.#ids = new Firsts(
      this.#told,
      (_first, { event, at }) => {
        if (event === 'dropped') return at
        const kept = keep === 'all' && event !== 'cancelled' ? KEPT_ALL : 0
        return at + Math.max(idTtl, kept)
      },
      // Of the last ones it is not known here which of them are kept.
      ({ event, at }) => (keep === 'few' && event === 'failed' ? at + KEPT_FEW : at),
    )
    this.#keys = new Firsts(this.#told, ({ putAt }, { event, at }) =>
      event === 'completed' && mode === 'ttl' ? putAt + ttl : at,
    )
    this.#queue = this.#makeQueue()
    this.#told.listen(this.#queue, this.#clock, (n, delay) => {
      this.#notBefore.set(n, this.#clock.now() + delay * 1000 - 1)
    })
    const events = [
      'completed',
      'failed',
      'cancelled',
      'dropped',
      'duplicate',
      'retry',
      'timeout',
    ] as const
    for (const event of events) this.#queue.on(event, () => this.#interrupt())
    for (const event of ['allowed', 'denied', 'waited'] as const)
      this.#inner?.on(event, () => this.#interrupt())
  }

  /** Runs all steps, then stops the queue and looks whether all is accounted for. */
  async all(steps: readonly Step[], ending: Ending): Promise<void> {
    if (this.#world.started) this.#start()
    for (const step of steps) {
      await this.#do(step)
      await this.#flush()
      await this.#check(step.do)
    }
    await this.#end(ending)
  }

  /** Now and then a handler, a listener or an option that is a function does something to the queue itself. */
  #interrupt(): void {
    const { inside, seldom } = this.#world
    this.#moments += 1
    if (this.#moments % seldom > 0) return
    const step = inside[this.#interrupted]
    if (step === undefined) return
    this.#interrupted += 1
    void this.#do(step)
  }

  #start(): void {
    this.#started = true
    this.#queue.start()
  }

  #makeLimiter(): Limiter | undefined {
    const clock = this.#clock
    const bucket = () => LimiterFactory.tokenBucket({ rate: RATE, burst: BURST, clock })
    const slots = () => LimiterFactory.concurrency({ limit: LIMIT, clock })
    switch (this.#world.limiter) {
      case 'bucket':
        return bucket()
      case 'concurrency':
        return slots()
      case 'composite':
        return LimiterFactory.composite(bucket(), slots())
      case 'none':
        return undefined
    }
  }

  #makeQueue(): LocalQueue<Item, number> {
    const world = this.#world
    const { kind, attempts, pause, timeout, batch } = world
    const batching = kind === 'fifo' && batch > 0 && !world.byHand
    const options = {
      clock: this.#clock,
      workers: world.workers,
      maxSize: world.maxSize,
      overflow: world.overflow,
      retry: {
        attempts,
        ...(pause === 0
          ? { baseDelay: 0 }
          : { baseDelay: pause / 1000, maxDelay: pause / 1000, jitter: 'none' as const }),
        retryIf: () => {
          this.#interrupt()
          return true
        },
      },
      onTimeout: world.release ? ('release' as const) : ('hold' as const),
      ...(timeout !== undefined && { timeout: timeout / 1000 }),
      ...(this.#limiter !== undefined && { limiter: this.#limiter }),
      ...(this.#limiter !== undefined &&
        world.keyed && { limiterKey: (item: Item) => this.#keyOf(item) }),
      ...(this.#limiter !== undefined &&
        world.costs && { limiterCost: (item: Item) => this.#costOf(item) }),
      ...(world.groups && {
        group: ({ said }: Item) => said,
        groupConcurrency: world.groupConcurrency,
      }),
      ...(world.groups &&
        world.weights && { groupWeight: (group: string) => (group === 'x' ? 3 : 1) }),
      ...(world.keep === 'all' && { keep: { dead: KEPT_ALL / 1000, completed: KEPT_ALL / 1000 } }),
      ...(world.keep === 'few' && { keep: { dead: { age: KEPT_FEW / 1000, count: 2 } } }),
      ...(world.idTtl !== undefined && { idTtl: world.idTtl / 1000 }),
      ...(world.deadLetter && { deadLetter: this.#told.take }),
      ...(world.metered && { metrics: this.#told.metrics }),
      ...(batching
        ? {
            batchSize: batch,
            batchTimeout: 0.05,
            bisectOnError: world.bisect,
            batchFn: (items: Item[], context: { signal: AbortSignal }) =>
              this.#batch(items, context),
          }
        : !world.byHand && {
            handler: (item: Item, context: TaskContext) => this.#handle(item, context),
          }),
    }
    if (kind === 'dedupe') {
      const { mode, ttl, quiet, maxDelay } = world
      return QueueFactory.dedupe<Item, number>({
        ...options,
        mode,
        ttl: ttl / 1000,
        delay: quiet / 1000,
        ...(maxDelay !== undefined && { maxDelay: maxDelay / 1000 }),
        ...(world.keyFn && { keyFn: ({ same }: Item) => same }),
      })
    }
    if (kind === 'priority') {
      return QueueFactory.priority<Item, number>({
        ...options,
        ...(world.priorityFn && { priorityFn: ({ cost }: Item) => cost }),
        ...(world.aging !== undefined && { aging: world.aging / 1000 }),
      })
    }
    return (QueueFactory[kind] as typeof QueueFactory.fifo)<Item, number>(options)
  }

  #keyOf(item: Item): string {
    return this.#world.keyed ? item.key : ''
  }

  #costOf(item: Item): number {
    return this.#world.costs ? item.cost : 1
  }

  // Handlers.

  #handle(item: Item, context: TaskContext): number | Promise<number> {
    const start = `${item.n} as delivery ${context.delivery}`
    if (this.#starts.has(start)) this.#fault ??= `job ${start} was begun twice`
    this.#starts.add(start)
    const deed = item.deeds[Math.min(context.attempt, item.deeds.length) - 1] ?? 'sync'
    return this.#work([item], () => context.signal, deed, item.n)
  }

  #batch(items: Item[], context: { signal: AbortSignal }): number[] | Promise<number[]> {
    const [first] = items
    if (items.length > this.#world.batch) this.#fault ??= `a batch of ${items.length}`
    return this.#work(
      items,
      () => context.signal,
      first?.deeds[0] ?? 'sync',
      items.map(({ n }) => n),
    )
  }

  #work<R>(items: readonly Item[], signal: () => AbortSignal, deed: Deed, result: R) {
    if (items.length > 1) signal()
    this.#begun(items)
    this.#interrupt()
    if (deed === 'sync') return result
    if (deed === 'throws') throw new Error('thrown')
    return new Promise<R>((resolve, reject) => {
      const live: Live = {
        items,
        signal,
        inside: deed === 'puts',
        finish: (well) => {
          if (live.inside || !this.#live.delete(live)) return
          if (well) resolve(result)
          else reject(new Error('failed'))
        },
      }
      this.#live.add(live)
      if (deed === 'puts') void this.#putFrom(live)
      if (deed === 'async') setImmediate(() => live.finish(true))
      if (deed === 'rejects') setImmediate(() => live.finish(false))
      if (deed !== 'gated') return
      if (signal().aborted) live.finish(false)
      else signal().addEventListener('abort', () => live.finish(false))
    })
  }

  /** A handler puts an item into its own queue, and ends when that is accepted. */
  async #putFrom(live: Live): Promise<void> {
    await this.#putOne(CHILD, (error) => {
      const waiting = this.#holding().filter(({ inside }) => inside).length
      const { workers } = this.#queue
      const { code } = error as { code?: string }
      const { inside, release } = this.#world
      // A handler may put without waiting for that.
      const sure = !this.#dependent && !release && !inside.some((step) => step.do === 'put')
      if (code === 'QUEUE_DEADLOCK' && sure && waiting < workers)
        this.#fault ??= `a handler is told that it waits for ever, and ${waiting} of ${workers} workers wait`
    })
    live.inside = false
    live.finish(true)
  }

  #begun(items: readonly Item[]): void {
    const { groups, groupConcurrency, limiter } = this.#world
    const holding = this.#holding()
    // The halves of a batch are tried by the worker of that batch, wanted or not; and a batch that is put together while a listener of
    // the limiter takes workers away, or pauses the queue, goes with what it has.
    const { bisect, batch } = this.#world
    const goes = batch > 0 && (bisect || limiter !== 'none')
    this.#most = Math.max(this.#most, this.#queue.workers)
    if (holding.length >= (goes ? this.#most : this.#queue.workers)) {
      this.#fault ??= `${holding.length + 1} run, of ${this.#queue.workers} workers`
    }
    if (this.#paused && !this.#stopping && !goes)
      this.#fault ??= 'a job was begun while the queue paused'
    const running = [...holding.flatMap((live) => live.items), ...items]
    for (const item of items) {
      if (this.#told.ends.has(item.n) && this.#redrives === 0)
        this.#fault ??= `job ${item.n} was begun after its end`
      if (this.#clock.now() < (this.#notBefore.get(item.n) ?? 0) - this.#world.creep * 20)
        this.#fault ??= `job ${item.n} was tried again too early`
      for (const live of this.#live) {
        if (live.items.includes(item) && !live.signal().aborted)
          this.#fault ??= `job ${item.n} runs twice`
      }
      if (groups && running.filter(({ group }) => group === item.group).length > groupConcurrency)
        this.#fault ??= `group ${item.group} has more than ${groupConcurrency} running`
      if (
        (limiter === 'concurrency' || limiter === 'composite') &&
        this.#held(running, item) > LIMIT
      )
        this.#fault ??= `more than ${LIMIT} permits of '${this.#keyOf(item)}' are in use`
      if (this.#ordered) this.#inOrder(item)
    }
  }

  #inOrder(item: Item): void {
    const line = `${this.#limiter ? this.#keyOf(item) : ''} ${this.#grouped ? item.group : ''}`
    const last = this.#lastOf.get(line) ?? -1
    if (last > item.n) this.#fault ??= `job ${item.n} was begun after job ${last}`
    this.#lastOf.set(line, item.n)
  }

  /** What holds a worker, a permit and a place in its group: all that runs, but for what a timeout released. */
  #holding(): Live[] {
    return [...this.#live].filter(
      ({ signal }) =>
        !this.#world.release || !signal().aborted || !(signal().reason instanceof JobTimeoutError),
    )
  }

  #held(running: readonly Item[], like: Item): number {
    let held = 0
    for (const item of running)
      if (this.#keyOf(item) === this.#keyOf(like)) held += this.#costOf(item)
    return held
  }

  // Steps.

  async #do(step: Step): Promise<void> {
    const queue = this.#queue
    this.#steps += 1
    switch (step.do) {
      case 'put':
        this.#put(step)
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
        else if (step.how === 'id') await queue.cancel(entry.job.id)
        else entry.controller.abort(new Error('called off'))
        break
      }
      case 'move':
        void pick(this.#jobs, step.which)?.job.setPriority(step.priority)
        break
      case 'workers':
        this.#most = Math.max(this.#most, queue.workers)
        queue.workers = step.workers
        break
      case 'claim':
        void queue.claim({ max: step.max, timeout: 0.02 }).then(
          (claims) => {
            for (const claim of claims) {
              // It may be cancelled in the turn in which it is claimed.
              const held = !claim.signal.aborted && this.#redrives === 0
              if (held && this.#told.ends.has(claim.item.n))
                this.#fault ??= `job ${claim.item.n} was claimed after its end`
              this.#open.push(claim)
            }
          },
          () => {},
        )
        break
      case 'settle': {
        const claim = pick(this.#open, step.which)
        if (claim === undefined) break
        this.#open.splice(this.#open.indexOf(claim), 1)
        if (step.how === 'complete') await claim.complete(claim.item.n)
        else if (step.how === 'fail') await claim.fail(new Error('by hand'))
        else await claim.release(step.delay / 1000)
        break
      }
      case 'remove': {
        const entry = pick(this.#jobs, step.which)
        if (entry !== undefined && (await queue.remove(entry.job.id))) {
          this.#ids.free(entry.job.id)
        }
        break
      }
      case 'redrive':
        if (this.#world.keep === 'none') break
        if (this.#stopping) break
        this.#redrives += 1
        await queue.redrive()
        break
      case 'start':
        if (!this.#stopping) this.#start()
        break
      case 'pause':
        this.#paused = true
        queue.pause()
        break
      case 'resume':
        this.#paused = false
        queue.resume()
        break
      case 'clear':
        queue.clear()
        break
      case 'get':
        void queue.get({ timeout: 0.02 }).then(
          (item) => this.#took(item),
          () => {},
        )
        break
      case 'tryGet':
        this.#tryGet()
        break
    }
  }

  /** A limiter elsewhere would have to be waited for, so tryGet is refused. */
  #tryGet(): void {
    try {
      this.#took(this.#queue.tryGet())
      if (this.#late !== undefined) this.#fault ??= 'tryGet did not wait for the limiter'
    } catch (error) {
      if (this.#late === undefined) throw error
    }
  }

  #took(item: Item | undefined): void {
    if (item === undefined) return
    if (this.#redrives === 0) {
      if (this.#pulled.has(item.n)) this.#fault ??= `job ${item.n} was taken twice`
      // A handler completes a job with a value.
      if (!this.#told.completed.has(item.n) || this.#told.completed.get(item.n) !== undefined)
        this.#fault ??= `job ${item.n} was taken, and is not told to have completed by that`
    }
    this.#pulled.add(item.n)
  }

  #putOne(step: Step & { do: 'put' }, rejected: (error: unknown) => void): Promise<void> {
    const controller = new AbortController()
    const item = this.#item(step)
    const options = this.#optionsOf(step, item, controller.signal)
    const late = this.#stopping
    const known = this.#meets(step, item)
    const put =
      Object.keys(options).length === 0 ? this.#queue.put(item) : this.#queue.put(item, options)
    return put.then(
      (job) => {
        if (late) this.#fault ??= `job ${item.n} was accepted after stop`
        if (known !== undefined && known !== (job.state === 'duplicate'))
          this.#fault ??= `job ${item.n} is ${job.state}, and its name was ${known ? '' : 'not '}taken`
        this.#accepted(item.n, job, controller)
      },
      (error: unknown) => {
        this.#refused(item.n)
        rejected(error)
      },
    )
  }

  #put(step: Step & { do: 'put' }): void {
    if (step.how === 'put') return void this.#putOne(step, () => {})
    const controller = new AbortController()
    const item = this.#item(step)
    const options = this.#optionsOf(step, item, controller.signal)
    const without = Object.keys(options).length === 0
    const late = this.#stopping
    const refused = () => this.#refused(item.n)
    switch (step.how) {
      case 'putMany': {
        const items = [item, this.#item(step)]
        for (const each of items) this.#meets(step, each)
        // Both have one name, and the first may have ended when the second is put.
        this.#doubts(step)
        this.#queue.putMany(items, without ? undefined : () => options).then(
          (jobs) => {
            if (late) this.#fault ??= `job ${item.n} was accepted after stop`
            for (const [i, job] of jobs.entries()) {
              this.#accepted((items[i] as Item).n, job, controller)
            }
          },
          // One of them may have been accepted.
          () => this.#doubts(step),
        )
        break
      }
      case 'submit': {
        this.#meets(step, item)
        this.#watched.add(item.n)
        const count = () => this.#settles(item.n)
        const result = without ? this.#queue.submit(item) : this.#queue.submit(item, options)
        result.then(count, () => {
          if (!this.#told.ends.has(item.n)) refused()
          count()
        })
        break
      }
      case 'offer':
        this.#offer(step, item, without ? undefined : options)
        break
    }
  }

  #offer(step: Step & { do: 'put' }, item: Item, options: PutOptions | undefined): void {
    const known = this.#meets(step, item)
    const before = this.#interrupted
    try {
      const taken = this.#queue.offer(item, options)
      // What was taken may be cleared, or pushed out, by a handler that has begun meanwhile.
      const alone = this.#interrupted === before
      if (taken) this.#offered.add(item.n)
      else this.#refused(item.n)
      if (taken && known === true)
        this.#fault ??= `item ${item.n} was taken, and its name was taken`
      if (taken && alone && this.#told.last.get(item.n)?.event === 'dropped')
        this.#fault ??= `item ${item.n} was taken and dropped`
      if (taken && this.#stopping) this.#fault ??= `item ${item.n} was accepted after stop`
    } catch (error) {
      this.#refused(item.n)
      if (!this.#stopping) this.#fault ??= `offer threw ${String(error)}`
    }
  }

  /** Whether the put of an item finds its id or its key taken; `undefined` where that is not known. */
  #meets({ id, same }: Step & { do: 'put' }, { n }: Item): boolean | undefined {
    const { kind, mode, creep } = this.#world
    const shared = kind === 'dedupe' && mode !== 'ttl' && mode !== 'pending'
    // On a clock that creeps, and of jobs that come back to life, it is not known to the millisecond.
    if (shared || creep > 0 || this.#redrives > 0) return undefined
    const putAt = this.#clock.now()
    const byId = id !== undefined && this.#ids.has(`own-${id}`, putAt)
    const key = `same-${same}`
    if (byId === undefined) this.#keys.doubt(key)
    if (byId !== false) return byId
    const byKey = kind === 'dedupe' && this.#keys.has(key, putAt)
    if (byKey === undefined && id !== undefined) this.#ids.doubt(`own-${id}`)
    if (byKey !== false) return byKey
    if (id !== undefined) this.#ids.add(`own-${id}`, { n, putAt })
    if (kind === 'dedupe') this.#keys.add(key, { n, putAt })
    return false
  }

  /** An item was not accepted. */
  #refused(n: number): void {
    this.#ids.delete(n)
    this.#keys.delete(n)
  }

  #doubts({ id, same }: Step & { do: 'put' }): void {
    this.#ids.doubt(`own-${id}`)
    this.#keys.doubt(`same-${same}`)
  }

  #item(step: Step & { do: 'put' }): Item {
    // Where the queue reads no groups, only puts have some.
    const { same, group = this.#world.groups ? step.item.group : '' } = step
    return { ...step.item, n: this.#n++, same, group, said: step.item.group }
  }

  #optionsOf(step: Step & { do: 'put' }, item: Item, signal: AbortSignal): PutOptions {
    const { kind, priorityFn, keyFn } = this.#world
    const { delay, dated, id, timeout, retry } = step
    if (delay !== undefined && kind !== 'dedupe') {
      this.#notBefore.set(item.n, this.#clock.now() + delay - 1)
    }
    return {
      ...(kind === 'priority' && !(priorityFn && step.signal) && { priority: step.priority }),
      ...(delay !== undefined &&
        (dated ? { at: new Date(this.#clock.wall() + delay) } : { delay: delay / 1000 })),
      ...(id !== undefined && { id: `own-${id}` }),
      ...(kind === 'dedupe' && !keyFn && { key: `same-${step.same}` }),
      ...(step.group !== undefined && { group: step.group }),
      ...(step.signal && { signal }),
      ...(timeout !== undefined && { timeout: timeout / 1000 }),
      ...(retry !== undefined && { retry: { attempts: retry, baseDelay: 0 } }),
    }
  }

  #accepted(n: number, job: Job<number>, controller: AbortController): void {
    this.#jobs.push({ n, job, controller })
    this.#watched.add(n)
    const { kind, mode } = this.#world
    const named = job.id.startsWith('own')
    // In memory an item with an id of its own has a key too, and may give way to another. Between two items of a putMany a
    // handler or a listener may put a third.
    const duplicate = job.state === 'duplicate' || (kind === 'dedupe' && (named || this.#meddled))
    job.result.then(
      (value) => {
        this.#fault ??= wrongValue({ kind, mode, n, duplicate, byId: false }, value)
        this.#settles(n)
      },
      () => this.#settles(n),
    )
  }

  #settles(n: number): void {
    this.#settled.set(n, (this.#settled.get(n) ?? 0) + 1)
  }

  /** Lets all go on that can without time. */
  async #flush(): Promise<void> {
    for (let calm = 0; calm < 3; calm++) {
      await turn()
      if ((this.#late?.underWay ?? 0) > 0) calm = -1
    }
  }

  // What must hold.

  async #check(after: string): Promise<void> {
    this.#noFault()
    const queue = this.#queue
    const counts = await queue.counts()
    const waiting = (await queue.jobs({ state: 'waiting', limit: 1000 })).jobs
    const delayed = (await queue.jobs({ state: 'delayed', limit: 1000 })).jobs
    const running = (await queue.jobs({ state: 'running', limit: 1000 })).jobs
    this.#must(
      counts.waiting === waiting.length,
      `counts ${counts.waiting} waiting, lists ${waiting.length} after ${after}`,
    )
    this.#must(
      counts.delayed === delayed.length,
      `counts ${counts.delayed} delayed, lists ${delayed.length} after ${after}`,
    )
    this.#must(
      counts.running === running.length,
      `counts ${counts.running} running, lists ${running.length} after ${after}`,
    )
    this.#must(
      queue.running === running.length,
      `running is ${queue.running}, lists ${running.length} after ${after}`,
    )
    this.#must(
      queue.size() === waiting.length + delayed.length,
      `size is ${queue.size()}, lists ${waiting.length + delayed.length} after ${after}`,
    )
    const { keep, kind, mode, maxDelay = Infinity, creep } = this.#world
    this.#must(keep !== 'few' || counts.dead <= 2, `${counts.dead} dead are kept of 2`)
    for (const { dueAt, createdAt, deliveries, item } of delayed) {
      const wait = Number(dueAt ?? 0) - Number(createdAt)
      const held = kind === 'dedupe' && mode === 'debounce' && deliveries === 0 && creep === 0
      this.#must(!held || wait <= maxDelay, `job ${item.n} is held back for ${wait} ms`)
    }
    const { offered } = queue.stats()
    this.#must(
      offered === 0 || queue.size() >= this.#world.maxSize,
      `${offered} wait for room after ${after}, and there is room`,
    )
    this.#nothingStuck(
      waiting.map(({ item }) => item),
      running.map(({ item }) => item),
      after,
    )
    this.#roomComes(after)
    if (this.#steps % 5 === 0) await this.#restIsTold(after)
  }

  /** True where a job may need a permit, or a place in its group, that another one holds. */
  get #dependent(): boolean {
    const { limiter, groups, groupConcurrency } = this.#world
    return (
      limiter === 'concurrency' ||
      limiter === 'composite' ||
      (groups && groupConcurrency < Infinity)
    )
  }

  /** Handlers that wait for room in their own queue leave a worker that makes some. */
  #roomComes(after: string): void {
    const { workers } = this.#queue
    // Items that are taken by hand make room too.
    if (this.#paused || !this.#started || workers === 0 || this.#open.length > 0) return
    // Of a limiter elsewhere it is not known who holds its permits.
    if (this.#world.release || (this.#world.late && this.#dependent)) return
    const holding = this.#holding()
    const inside = holding.filter((live) => live.inside).length
    if (inside === 0 || inside < holding.length) return
    // Items that come due, or that the limiter lets pass with time, go to a worker at rest.
    const comes = inside < workers && this.#clock.timers > 0
    this.#must(
      comes,
      `${inside} handlers of ${workers} workers wait after ${after} for room that never comes`,
    )
  }

  /** Where something could run there is a worker, a timer, or a closed gate that will open. */
  #nothingStuck(waiting: readonly Item[], listed: readonly Item[], after: string): void {
    const world = this.#world
    const queue = this.#queue
    const holding = this.#holding()
    if (waiting.length === 0 || world.byHand || !this.#started || this.#paused) return
    if (holding.length >= queue.workers) return
    const running = holding.flatMap(({ items }) => items)
    // Claims, and what a batch tries later in one of its halves, are listed; handlers that nobody waits for any more are not.
    const placed = [...running, ...this.#open.map(({ item }) => item)]
    placed.push(...listed.filter((item) => !placed.includes(item)))
    const could = waiting.filter(
      ({ group }) =>
        !world.groups ||
        placed.filter((item) => item.group === group).length < world.groupConcurrency,
    )
    if (could.length === 0) return
    const timed = this.#clock.timers > 0
    const batching = world.kind === 'fifo' && world.batch > 0
    const free = could.some((item) => this.#held(placed, item) === 0)
    // Of each group only so many may go as there are places in it.
    let going = 0
    for (const group of new Set(could.map((item) => item.group))) {
      const places = world.groupConcurrency - placed.filter((item) => item.group === group).length
      going += Math.min(
        world.groups ? places : Infinity,
        could.filter((item) => item.group === group).length,
      )
    }
    const reason =
      (batching && going < world.batch && timed) ||
      (world.limiter === 'bucket' && timed) ||
      (world.limiter === 'composite' && (timed || !free)) ||
      (world.limiter === 'concurrency' && (!free || (batching && timed)))
    this.#must(
      reason,
      `job ${could[0]?.n} waits after ${after}, ${holding.length} of ${queue.workers} workers at work, and nothing will wake it`,
    )
  }

  async #restIsTold(after: string): Promise<void> {
    let told = false
    void this.#queue.onIdle({ timeout: 0.001 }).then(
      () => {
        told = true
      },
      () => {},
    )
    await turn()
    const { waiting, offered } = this.#queue.stats()
    const rests =
      waiting + offered + this.#open.length === 0 &&
      (this.#queue.workers === 0 || this.#holding().length === 0)
    if (this.#holding().length > 0 || this.#open.length > 0) {
      this.#must(!told, `idle after ${after}, while ${this.#holding().length} run`)
    } else if (rests)
      this.#must(told, `not idle after ${after}, though nothing waits and nothing runs`)
  }

  // The end.

  async #end({ mode, deadline, grace, workers, again, meanwhile }: Ending): Promise<void> {
    const queue = this.#queue
    if (workers !== undefined) queue.workers = workers
    else if (queue.workers === 0) queue.workers = 1
    await this.#flush()
    this.#stopping = true
    const bounded = deadline !== undefined || again !== undefined
    let report: StopReport<Item> | undefined
    let then = { ...this.#told.counts }
    const stopped = queue
      .stop({
        mode,
        ...(deadline !== undefined && { deadline: deadline / 1000, grace: grace / 1000 }),
      })
      .then((told) => {
        report = told
        then = { ...this.#told.counts }
        const { lettersUnderWay } = this.#told
        if (!bounded && lettersUnderWay > 0) this.#fault ??= `${lettersUnderWay} letters not sent`
      })
    const steps = [...meanwhile]
    for (let round = 0; round < 300 && report === undefined; round++) {
      await this.#flush()
      this.#noFault()
      if (round === 1 && again !== undefined) {
        const told = queue.stop({ mode, deadline: again / 1000, grace: grace / 1000 })
        void told.then((other) => {
          if (report !== undefined && other !== report) this.#fault ??= 'two reports'
        })
      }
      const step = steps.shift()
      if (step !== undefined) {
        await this.#do(step)
        continue
      }
      // At a deadline, handlers that are deaf are left to themselves.
      if (!bounded) for (const live of [...this.#live]) live.finish(true)
      for (const claim of this.#open.splice(0)) await claim.complete(claim.item.n)
      if (round > 1) await this.#clock.advanceAsync(0.1)
    }
    this.#must(report !== undefined, 'stop did not return')
    await stopped
    for (const live of [...this.#live]) live.finish(true)
    for (const claim of this.#open) await claim.complete(claim.item.n)
    await this.#flush()
    this.#noFault()
    this.#account(report as unknown as StopReport<Item>, then)
    await this.#clock.advanceAsync(0.02)
    await this.#flush()
    this.#must(this.#clock.timers === 0, `${this.#clock.timers} timers are left`)
    await this.#permitsBack()
  }

  #account(report: StopReport<Item>, told: { completed: number; failed: number }): void {
    this.#must(
      report.completed === told.completed && report.failed === told.failed,
      `reported ${report.completed} completed and ${report.failed} failed, told ${told.completed} and ${told.failed}`,
    )
    const { deadLetter, metered, kind } = this.#world
    const { letters, counts, ends } = this.#told
    this.#must(
      letters === (deadLetter ? counts.failed : 0),
      `${letters} dead letters of ${counts.failed} failures`,
    )
    const other = metered ? this.#told.disagreement(kind) : undefined
    this.#must(other === undefined, other ?? '')
    for (const n of this.#watched) {
      const times = this.#settled.get(n) ?? 0
      this.#must(times === 1, `the result of job ${n} settled ${times} times`)
    }
    const lists = [...report.notStarted, ...report.aborted, ...report.stillRunning]
    const known = new Set(
      this.#jobs.filter(({ job }) => job.state !== 'duplicate').map(({ n }) => n),
    )
    for (const n of [...known, ...this.#offered]) {
      const times = ends.get(n) ?? 0
      this.#must(times <= 1 + this.#redrives, `job ${n} ended ${times} times`)
      if (kind === 'dedupe') continue
      const listed = lists.some(({ item }) => item.n === n)
      this.#must(
        times > 0 || this.#pulled.has(n) || listed,
        `job ${n} is in no report and in no event`,
      )
    }
    const numbers = lists.map(({ item }) => item.n)
    this.#must(
      kind === 'dedupe' || new Set(numbers).size === numbers.length,
      `a job is listed twice: ${numbers}`,
    )
    for (const { item } of report.notStarted) {
      this.#must(!this.#pulled.has(item.n), `job ${item.n} was taken, and is said to be not begun`)
    }
  }

  async #permitsBack(): Promise<void> {
    if (this.#inner === undefined) return
    await this.#clock.advanceAsync(1)
    for (const key of this.#world.keyed ? ['a', 'b', 'c'] : ['']) {
      const { allowed } = await this.#inner.peek(key, LIMIT)
      this.#must(allowed, `permits of '${key}' are missing`)
    }
  }

  #noFault(): void {
    this.#must(this.#fault === undefined, this.#fault ?? '')
    const { trouble } = this.#told
    this.#must(trouble === undefined, `the queue told of an error: ${String(trouble)}`)
  }

  #must(holds: boolean, fault: string): void {
    if (!holds) throw new Error(fault)
  }
}

function pick<T>(list: readonly T[], which: number): T | undefined {
  return list[which % list.length]
}
