import type { Millis } from '../../core/duration.ts'
import type { DashboardSettings } from '../options.ts'
import { BreakerParts } from '../parts/breaker-parts.ts'
import { dictionary } from '../parts/dictionary.ts'
import { Fleet } from '../parts/fleet.ts'
import { LeaseParts } from '../parts/lease-parts.ts'
import { LimiterPart } from '../parts/limiter-part.ts'
import { PoolPart } from '../parts/pool-part.ts'
import { ProcessPart } from '../parts/process-part.ts'
import { QueuePart } from '../parts/queue-part.ts'
import { SchedulePart } from '../parts/schedule-part.ts'
import type { DashboardState, ProcessState, Sample } from '../state.ts'
import { Happenings } from './happenings.ts'
import { History, SPACING } from './history.ts'
import { Troubles } from './troubles.ts'
import { UsualRanges } from './usual-ranges.ts'

/** How often the parts are asked while a page is open. */
const TICK: Millis = 1_000
/** How long a page that polls counts as open after a request. */
const LOOKING: Millis = 10_000
/** The most schedules that a process tells. */
const MOST_NAMES = 200
/** How long samples are kept while a page is open, with `history: 0`. */
const WHILE_WATCHED: Millis = 1_800_000

/** Called with each state. */
export type Listener = (state: DashboardState, sample: Sample | undefined) => void

/** Takes samples of all parts: one sampler for all open pages. Without an open page, each 5 s for the history, or never. */
export class Sampler {
  readonly limiters: ReadonlyMap<string, LimiterPart>
  readonly breakers: BreakerParts
  readonly schedules: SchedulePart
  readonly happenings: Happenings = new Happenings()
  readonly history: History
  readonly fleet: Fleet | undefined
  readonly #settings: DashboardSettings
  readonly #queues: ReadonlyMap<string, QueuePart>
  readonly #pools: ReadonlyMap<string, PoolPart>
  readonly #leases: LeaseParts
  readonly #process: ProcessPart
  readonly #troubles = new Troubles()
  readonly #usual: UsualRanges
  readonly #listeners = new Set<Listener>()
  #timer: ReturnType<typeof setTimeout> | undefined
  /** When the timer is due, by the monotonic clock. */
  #due: Millis = Infinity
  /** The time since which samples are taken without a break. */
  #since: Millis = 0
  #last: DashboardState | undefined
  #sampling: Promise<DashboardState> | undefined
  /** When a page polled last. */
  #polled: Millis = -Infinity
  #closed = false

  constructor(settings: DashboardSettings) {
    this.#settings = settings
    const { limiters, queues, breakers, pools, schedulers, coordinators, storage } = settings
    this.limiters = mapped(limiters, (limiter) => new LimiterPart(limiter))
    this.#queues = mapped(queues, (queue) => new QueuePart(queue, true))
    this.breakers = new BreakerParts(breakers)
    this.#pools = mapped(pools, (pool) => new PoolPart(pool))
    this.schedules = new SchedulePart(schedulers)
    this.#leases = new LeaseParts([...coordinators.values()])
    this.#process = new ProcessPart(Date.now())
    this.fleet = storage && new Fleet(storage, this.#process.id)
    this.history = new History(settings.history || WHILE_WATCHED)
    this.#usual = new UsualRanges(this.history)
    if (settings.history > 0) this.#arm(0)
  }

  /** A queue of this process, or of the storage. */
  queue(name: string): QueuePart | undefined {
    return this.#queues.get(name) ?? this.fleet?.queues.get(name)
  }

  /** Calls `listener` with each state from now on, once a second. @returns a function that ends this */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    this.#arm(TICK)
    return () => {
      this.#listeners.delete(listener)
      if (!this.#watched(Date.now())) this.#rest()
    }
  }

  /** The state of all parts, less than a second old. */
  async state(): Promise<DashboardState> {
    const now = Date.now()
    this.#polled = now
    if (this.#last !== undefined && now - this.#last.at < TICK * 0.9) return this.#last
    const state = await this.#sample()
    this.#arm(TICK)
    return state
  }

  /** Takes a sample after an action, so that its effect is seen at once. */
  async refresh(): Promise<void> {
    await this.#sampling?.catch(() => {})
    await this.#sample()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#listeners.clear()
    for (const part of this.limiters.values()) part.close()
    await this.#sampling?.catch(() => {})
    await this.fleet?.close()
  }

  #watched(now: Millis): boolean {
    return this.#listeners.size > 0 || now - this.#polled < LOOKING
  }

  /** No page is open: ends the counts that only pages need. */
  #rest(): void {
    for (const part of this.limiters.values()) part.unwatch()
  }

  /** Takes the next sample after `delay` at the latest. */
  #arm(delay: Millis): void {
    const due = performance.now() + delay
    if (this.#closed || due >= this.#due) return
    clearTimeout(this.#timer)
    this.#due = due
    this.#timer = setTimeout(() => {
      this.#due = Infinity
      this.#process.noteLate(performance.now() - due)
      void this.#tick()
    }, delay)
    // The timer must not keep the process alive. Some runtimes have numbers for timers.
    ;(this.#timer as { unref?: () => void }).unref?.()
  }

  async #tick(): Promise<void> {
    const began = Date.now()
    await this.#sample().catch((error: unknown) => {
      console.error('aioflux: the dashboard could not look at its parts', error)
    })
    const now = Date.now()
    const watched = this.#watched(now)
    if (!watched) this.#rest()
    if (watched) this.#arm(Math.max(0, TICK - (now - began)))
    else if (this.#settings.history > 0) this.#arm(SPACING)
  }

  #sample(): Promise<DashboardState> {
    this.#sampling ??= this.#look().finally(() => {
      this.#sampling = undefined
    })
    return this.#sampling
  }

  async #look(): Promise<DashboardState> {
    const now = Date.now()
    const watched = this.#watched(now)
    if (this.#last === undefined || now - this.#last.at > 2.5 * SPACING) this.#since = now
    if (watched) for (const part of this.limiters.values()) part.watch(now)
    await this.fleet?.look(now, this.#queues)
    const { metrics, title, history } = this.#settings
    const [limiters, queues] = await Promise.all([
      sampled(this.limiters, (part) => part.sample(now, watched)),
      sampled([...this.#queues, ...(this.fleet?.queues ?? [])], (part) =>
        part.sample(now, metrics, this.fleet?.processesOf(part.queue.name)),
      ),
    ])
    const schedules = this.schedules.sample(now)
    for (const { name, last } of this.fleet?.schedules ?? []) {
      schedules[name] ??= { ...ELSEWHERE, last }
    }
    const { leads, locks } = this.#leases.held()
    const self = this.#process.name
    this.#leases.sample(
      now,
      self,
      this.fleet?.leases,
      this.fleet?.elections ?? new Set(),
      this.fleet?.led ?? new Set(),
      (name, token) => this.fleet?.holderOf(name, token),
      this.fleet?.awaited() ?? [],
    )
    const works: Record<string, number> = dictionary()
    for (const [name, { queue }] of this.#queues) {
      if (queue.running > 0 || queue.stats().completed > 0) works[name] = queue.workers
    }
    const own = this.#process.sample(now, {
      works,
      leads: leads.map(([name]) => name),
      limiters: this.limiters.size,
      schedules: this.schedules.names().slice(0, MOST_NAMES),
    })
    void this.fleet?.tell(now, self, own, [...leads, ...locks], this.#leases.awaited())
    const processes = dictionary<ProcessState>()
    processes[self] = own
    for (const [name, state] of this.fleet?.processes() ?? []) {
      processes[name in processes ? `${name} (${state.started})` : name] = state
    }
    const looked = {
      at: now,
      title,
      since: this.#since,
      history: history / 1000,
      limiters,
      queues,
      breakers: this.breakers.sample(now),
      registries: this.breakers.registries,
      schedules,
      leaders: this.#leases.leaders,
      locks: this.#leases.locks,
      processes,
      pools: Object.fromEntries([...this.#pools].map(([name, part]) => [name, part.sample(now)])),
      storage: this.fleet === undefined ? {} : { redis: this.fleet.state },
    }
    const { troubles, began, ended } = this.#troubles.look(looked, this.#since)
    for (const trouble of began) this.happenings.trouble(trouble, 'began', now)
    for (const trouble of ended) this.happenings.trouble(trouble, 'ended', now)
    const state: DashboardState = { ...looked, troubles: this.#usual.add(troubles) }
    this.#last = state
    const sample = this.history.due(now) ? this.history.add(state) : undefined
    for (const listener of this.#listeners) listener(state, sample)
    return state
  }
}

/** A schedule that only the storage knows. */
const ELSEWHERE = {
  running: 0,
  completed: 0,
  failed: 0,
  skipped: 0,
  missed: 0,
  recent: [],
  upcoming: [],
  here: false,
}

function mapped<A, B>(map: ReadonlyMap<string, A>, make: (part: A) => B): Map<string, B> {
  return new Map([...map].map(([name, part]) => [name, make(part)]))
}

async function sampled<P, S>(
  parts: Iterable<readonly [string, P]>,
  sample: (part: P) => Promise<S>,
): Promise<Record<string, S>> {
  const all = [...parts].map(async ([name, part]) => [name, await sample(part)] as const)
  // A part that fails is left out; the other parts are shown.
  const settled = await Promise.allSettled(all)
  return Object.fromEntries(
    settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])),
  )
}
