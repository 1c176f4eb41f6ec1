import {
  isAioFluxError,
  type Job,
  LimiterFactory,
  QueueFactory,
  type SharedQueue,
  type TaskContext,
} from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import fc from 'fast-check'
import { expect } from 'vitest'
import { until } from '../../../support/until.ts'

/** Permits of a limit of concurrency. */
const LIMIT = 2

/** What a queue of two processes is made with. */
export interface Fleet {
  readonly kind: 'fifo' | 'priority' | 'delay'
  readonly workers: readonly [number, number]
  readonly limiter: 'none' | 'bucket' | 'concurrency' | 'local'
  readonly keyed: boolean
  readonly groupConcurrency: number | undefined
  readonly attempts: number
  readonly keep: boolean
  readonly takes: number
}

/** One put: how the handler ends, and what the put brings. */
interface Put {
  readonly does: 'well' | 'fails' | 'fails once'
  readonly priority: number
  readonly delay: number
  readonly own: boolean
  readonly group: number
}

export type Step =
  | {
      readonly verb: 'put' | 'submit' | 'putMany'
      readonly by: 0 | 1
      readonly puts: readonly Put[]
    }
  | { readonly verb: 'cancel' | 'priority' | 'remove'; readonly by: 0 | 1; readonly which: number }
  | { readonly verb: 'pause' | 'resume'; readonly by: 0 | 1; readonly everywhere: boolean }
  | { readonly verb: 'claim'; readonly by: 0 | 1; readonly ends: 'complete' | 'fail' | 'release' }
  | { readonly verb: 'workers'; readonly by: 0 | 1; readonly count: number }
  | { readonly verb: 'replace'; readonly by: 0 | 1 }
  | { readonly verb: 'rest'; readonly by: 0 | 1; readonly ms: number }

export const fleet: fc.Arbitrary<Fleet> = fc.record({
  kind: fc.constantFrom('fifo', 'priority', 'delay'),
  workers: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
  limiter: fc.constantFrom('none', 'none', 'bucket', 'concurrency', 'local'),
  keyed: fc.boolean(),
  groupConcurrency: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  attempts: fc.integer({ min: 1, max: 3 }),
  keep: fc.boolean(),
  takes: fc.integer({ min: 0, max: 3 }),
})

const by = fc.constantFrom<0 | 1>(0, 1)
const put: fc.Arbitrary<Put> = fc.record({
  does: fc.constantFrom('well', 'well', 'fails', 'fails once'),
  priority: fc.integer({ min: -2, max: 2 }),
  delay: fc.constantFrom(0, 0, 0, 0.005, 0.02),
  own: fc.boolean(),
  group: fc.integer({ min: 0, max: 2 }),
})
const puts = fc.array(put, { minLength: 1, maxLength: 6 })
const which = fc.nat(50)

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ verb: fc.constantFrom('put', 'submit', 'putMany'), by, puts }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ verb: fc.constantFrom('cancel', 'priority', 'remove'), by, which }),
    },
    fc.record({ verb: fc.constantFrom('pause', 'resume'), by, everywhere: fc.boolean() }),
    fc.record({
      verb: fc.constant('claim' as const),
      by,
      ends: fc.constantFrom('complete', 'fail', 'release'),
    }),
    fc.record({ verb: fc.constant('workers' as const), by, count: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ verb: fc.constant('replace' as const), by }),
    fc.record({ verb: fc.constant('rest' as const), by, ms: fc.integer({ min: 0, max: 8 }) }),
  ) as fc.Arbitrary<Step>,
  { minLength: 3, maxLength: 25 },
)

interface Item {
  readonly n: number
  readonly does: Put['does']
  readonly group: string
}

/** What is known of a job. */
interface Known {
  readonly id: string
  readonly item: Item
  /** A caller asked for its end, or took it: it may never have run. */
  touched: boolean
  readonly move: Job['setPriority'] | undefined
}

/**
 * Two processes, as far as Redis can see, of one queue; random calls, and what must be true when they have come to rest: each
 * accepted job has ended as its handler says, none started more often than its attempts, no bound was passed, nothing is left.
 */
export class FleetRun {
  readonly #fleet: Fleet
  readonly #name = `fleet-${crypto.randomUUID()}`
  readonly #storages: RedisStorage[] = []
  readonly #queues: SharedQueue<Item, number>[] = []
  readonly #jobs: Known[] = []
  readonly #submits: Promise<void>[] = []
  readonly #starts = new Map<number, number>()
  readonly #done = new Set<number>()
  #puts = 0
  readonly #running = new Map<string, number>()
  /** What must not be, and was. */
  readonly #wrong: string[] = []
  readonly #url: string
  #all = 0
  #replaced = false

  constructor(url: string, options: Fleet) {
    this.#url = url
    this.#fleet = options
    for (const by of [0, 1] as const) this.#open(by)
  }

  async all(steps: readonly Step[]): Promise<void> {
    try {
      for (const queue of this.#queues) await queue.start()
      for (const step of steps) await this.#do(step)
      await this.#settle()
      await this.#check()
    } finally {
      await Promise.all(this.#queues.map((queue) => queue.stop({ deadline: 0 })))
      await Promise.all(this.#storages.map((storage) => storage.close()))
    }
  }

  #open(by: 0 | 1): void {
    const { kind, workers, limiter, keyed, groupConcurrency, attempts, keep } = this.#fleet
    const storage = new RedisStorage({ url: this.#url, prefix: 'fleet', timeout: '30s' })
    this.#storages[by] = storage
    const local = limiter === 'local'
    const make = QueueFactory[kind] as (options: object) => SharedQueue<Item, number>
    this.#queues[by] = make({
      ...{ name: this.#name, storage, workers: workers[by], lease: '10s', maxDeliveries: 5 },
      retry: { attempts, baseDelay: 0.002, jitter: 'none' },
      ...(keep && { keep: { completed: 100, dead: 100 } }),
      ...(groupConcurrency !== undefined && {
        groupConcurrency,
        group: ({ group }: Item) => group,
      }),
      ...(limiter === 'bucket' && {
        limiter: LimiterFactory.tokenBucket({ rate: 2000, burst: 5, storage, scope: this.#name }),
      }),
      ...(limiter === 'concurrency' && {
        limiter: LimiterFactory.concurrency({
          limit: LIMIT,
          storage,
          scope: this.#name,
          ttl: '20s',
        }),
      }),
      ...(local && { limiter: LimiterFactory.concurrency({ limit: LIMIT }) }),
      ...(keyed &&
        !local &&
        limiter !== 'none' && { limiterKey: ({ group }: Item) => `k${group}` }),
      handler: (item: Item, context: TaskContext) => this.#handle(item, context),
    })
  }

  async #handle({ group, does, n }: Item, { attempt }: TaskContext): Promise<number> {
    const { takes } = this.#fleet
    this.#starts.set(n, (this.#starts.get(n) ?? 0) + 1)
    this.#all += 1
    this.#running.set(group, (this.#running.get(group) ?? 0) + 1)
    this.#checkBounds(group)
    try {
      if (takes > 0) await new Promise((resolve) => setTimeout(resolve, takes))
      if (does === 'fails' || (does === 'fails once' && attempt === 1)) throw new Error(does)
      this.#done.add(n)
      return n
    } finally {
      this.#all -= 1
      this.#running.set(group, (this.#running.get(group) ?? 0) - 1)
    }
  }

  /** A handler that ignores its signal goes on after its process was replaced, and its claim is given back. */
  #checkBounds(group: string): void {
    if (this.#replaced) return
    const { groupConcurrency = Infinity, limiter, keyed } = this.#fleet
    const running = this.#running.get(group) ?? 0
    if (running > groupConcurrency) this.#wrong.push(`${running} of group ${group} at once`)
    if (limiter !== 'concurrency') return
    const held = keyed ? running : this.#all
    if (held > LIMIT) this.#wrong.push(`${held} permits at once`)
  }

  async #do(step: Step): Promise<void> {
    const queue = this.#queues[step.by] as SharedQueue<Item, number>
    switch (step.verb) {
      case 'put':
      case 'submit':
      case 'putMany':
        return this.#put(queue, step.verb, step.puts)
      case 'cancel':
      case 'remove':
      case 'priority': {
        const job = this.#jobs[step.which % Math.max(1, this.#jobs.length)]
        if (job === undefined) return
        if (step.verb === 'priority') return this.#move(job, step.which % 5)
        job.touched = true
        await queue[step.verb](job.id)
        return
      }
      case 'pause':
      case 'resume':
        return queue[step.verb](step.everywhere ? { everywhere: true } : {})
      case 'claim': {
        const [claim] = await queue.claim({ timeout: 0.01 })
        if (claim === undefined) return
        if (step.ends === 'release') return void (await claim.release())
        const job = this.#jobs.find(({ item }) => item.n === claim.item.n)
        if (job !== undefined) job.touched = true
        await (step.ends === 'complete' ? claim.complete(-1) : claim.fail(new Error('by hand')))
        return
      }
      case 'workers':
        queue.workers = step.count
        return
      case 'replace':
        this.#replaced = true
        await queue.stop({ deadline: 0 })
        await this.#storages[step.by]?.close()
        this.#open(step.by)
        await this.#queues[step.by]?.start()
        return
      case 'rest':
        await new Promise((resolve) => setTimeout(resolve, step.ms))
    }
  }

  async #move({ move }: Known, priority: number): Promise<void> {
    // The process that put it may have been replaced.
    try {
      await move?.(priority)
    } catch (error) {
      if (!isAioFluxError(error, 'CLOSED')) throw error
    }
  }

  async #put(
    queue: SharedQueue<Item, number>,
    verb: 'put' | 'submit' | 'putMany',
    puts: readonly Put[],
  ): Promise<void> {
    const items = puts.map(({ does, group }): Item => {
      this.#puts += 1
      return { n: this.#puts, does, group: `g${group}` }
    })
    const optionsOf = (i: number) => {
      const { priority, delay, own } = puts[i] as Put
      const id = own ? `own ${items[i]?.n}` : undefined
      return { priority, ...(delay > 0 && { delay }), ...(id !== undefined && { id }) }
    }
    const keep = (id: string, item: Item, job?: Job) =>
      this.#jobs.push({ id, item, touched: false, move: job?.setPriority.bind(job) })
    if (verb === 'putMany') {
      const jobs = await queue.putMany(items, (_, i) => optionsOf(i))
      for (const [i, job] of jobs.entries()) keep(job.id, items[i] as Item, job)
    } else if (verb === 'put') {
      // In one turn, as callers do.
      const jobs = await Promise.all(items.map((item, i) => queue.put(item, optionsOf(i))))
      for (const [i, job] of jobs.entries()) keep(job.id, items[i] as Item, job)
    } else {
      for (const [i, item] of items.entries()) {
        const options = { ...optionsOf(i), id: `own ${item.n}` }
        keep(options.id, item)
        const job = this.#jobs.at(-1) as Known
        this.#submits.push(this.#submit(queue, job, options))
      }
      // They are kept before anything else is done.
      await Promise.all(items.map(({ n }) => this.#kept(queue, `own ${n}`)))
    }
  }

  /** Settles with what it should, or was interfered with. */
  async #submit(queue: SharedQueue<Item, number>, job: Known, options: object): Promise<void> {
    const told = await queue.submit(job.item, options).then(
      (value) => ({ value }),
      (error) => ({ code: String(error.code) }),
    )
    if (job.touched || ('code' in told && told.code === 'CLOSED')) return
    const right = this.#endsWell(job.item)
      ? 'value' in told && told.value === job.item.n
      : 'code' in told && told.code === 'JOB_FAILED'
    if (!right) this.#wrong.push(`${job.id}, which ${job.item.does}: ${JSON.stringify(told)}`)
  }

  async #kept(queue: SharedQueue<Item, number>, id: string): Promise<void> {
    await until(`job ${id}`, async () => {
      const job = this.#jobs.find((each) => each.id === id)
      const n = job?.item.n ?? 0
      return this.#starts.has(n) || (await queue.job(id)) !== undefined
    })
  }

  #endsWell({ does }: Item): boolean {
    return does === 'well' || (does === 'fails once' && this.#fleet.attempts > 1)
  }

  /** Everything that could hold jobs back ends. */
  async #settle(): Promise<void> {
    const [first] = this.#queues as [SharedQueue<Item, number>]
    await first.resume({ everywhere: true })
    for (const [by, queue] of this.#queues.entries()) {
      await queue.resume()
      queue.workers = this.#fleet.workers[by] as number
    }
    let counts = await first.counts()
    const rest = async () => {
      counts = await first.counts()
      return counts.waiting + counts.delayed + counts.running === 0
    }
    await until('rest', rest, { within: 20_000, every: 5 }).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(counts)}`)
    })
    await Promise.all(this.#submits)
  }

  async #check(): Promise<void> {
    const [first] = this.#queues as [SharedQueue<Item, number>]
    const { attempts, keep } = this.#fleet
    for (const { id, item, touched } of this.#jobs) {
      if (touched) continue
      const { n, does } = item
      const starts = this.#starts.get(n) ?? 0
      const well = this.#endsWell(item)
      const most = does === 'well' ? 1 : does === 'fails once' ? Math.min(2, attempts) : attempts
      if (starts < most || (!this.#replaced && starts > most)) {
        this.#wrong.push(`${id}, which ${does}, started ${starts} times of ${most}`)
      }
      if (well !== this.#done.has(n))
        this.#wrong.push(`${id} should end ${well ? 'well' : 'badly'}`)
      const state = (await first.job(id))?.state
      const wanted = well ? (keep ? 'completed' : undefined) : 'dead'
      if (state !== wanted) this.#wrong.push(`${id} is ${state}, not ${wanted}`)
    }
    expect(this.#wrong).toEqual([])
    expect(await this.#audit()).toEqual([])
  }

  /** What in Redis does not agree. */
  async #audit(): Promise<string[]> {
    const store = this.#storages[0]?.queues.open({
      ...{ name: this.#name, declaration: {}, resultTtl: 60_000, idTtl: 60_000, maxItemBytes: 1e6 },
      codec: { name: 'json', encode: JSON.stringify, decode: (text) => JSON.parse(`${text}`) },
    }) as unknown as { audit(): Promise<string[]>; close(): Promise<void> }
    const faults = await store.audit()
    await store.close()
    return faults
  }
}
