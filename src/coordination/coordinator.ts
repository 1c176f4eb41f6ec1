import { abortable, callable, known, type OptionTable, text } from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { ClosedError, describe, OptionRangeError, OptionTypeError } from '../core/errors.ts'
import { Events, type Listener } from '../core/events.ts'
import { LeaseClock } from '../core/lease-clock.ts'
import { checkMeter, type Metered } from '../core/meter.ts'
import { onAbort } from '../core/on-abort.ts'
import type { PartSeries } from '../core/part-series.ts'
import { processName } from '../core/process-name.ts'
import { RenewalTimer } from '../core/renewal-timer.ts'
import type { Storage } from '../core/storage.ts'
import { WAIT_OPTIONS, type WaitOptions } from '../core/waiters.ts'
import { meterCoordinator } from './coordinator-meter.ts'
import type { LeaseContext } from './held-lease.ts'
import { Leadership } from './leadership.ts'
import {
  type AwaitedLock,
  COORDINATOR_EVENTS,
  type CoordinatorEvents,
  type Lease,
  LOCK_OPTIONS,
  type LockOptions,
  TRY_LOCK_OPTIONS,
  type TryLockOptions,
} from './lease.ts'
import { Locks } from './locks.ts'
import { readNames } from './names.ts'
import { sharedLeasesOf } from './shared-leases.ts'
import { toTerm } from './term.ts'

/** Where a {@link Coordinator} keeps its leases, and how long a lease lasts after its holder has died. */
export interface CoordinatorOptions extends Metered {
  /** Where leases are kept: `MemoryStorage` for one process, `RedisStorage` for many machines. */
  storage: Storage
  /**
   * The name of the leadership: coordinators with one `lockName`, over one Redis and one `prefix`, compete for it.
   * @default 'coordinator_lock'
   */
  lockName?: string
  /** How long a lock stays locked, and leadership taken, when its holder dies. From 10 ms to a day. @default 10 seconds */
  ttl?: Duration
  /**
   * How often waiting callers ask again, when the storage cannot tell them that the lock is free, or cannot be asked.
   * @default 1 second
   */
  retryInterval?: Duration
  /** For metrics and messages only; `lockName` says which leadership it is. @default lockName */
  name?: string
  /** For tests. @default the runtime's monotonic clock and the date */
  clock?: Clock
}

export const COORDINATOR_OPTIONS: OptionTable<CoordinatorOptions> = {
  storage: true,
  lockName: true,
  ttl: true,
  retryInterval: true,
  name: true,
  clock: true,
  metrics: true,
}

/** For how long the name of a leader can be looked up in its storage. */
const SIGNED = '7d'

/** What `lead` takes besides its function. */
interface LeadOptions {
  signal?: AbortSignal
}

const LEAD_OPTIONS: OptionTable<LeadOptions> = { signal: true }

/**
 * Locks and leader election, over the storages that limits are kept in.
 *
 * At most one holder at a time while the storage keeps its data and process pauses are shorter than the lease. In a fail-over or
 * after longer pauses two processes may *believe* they hold it; each has a different, ordered token. For correctness, have
 * the resource reject smaller tokens (or use a transaction in your database).
 *
 * A lease renews itself and is lost when that cannot be done in time: its `signal` aborts before another caller can get it, and
 * `held` is right at every moment. Waiting callers are served first come, first served in this process, and are woken when the
 * lock is given back.
 *
 * @example
 * const coordinator = new Coordinator({ storage, ttl: '10s' })
 * await using lease = await coordinator.lock('invoice-42', { timeout: '5s' })
 * await save(invoice, { fence: lease.token, signal: lease.signal })
 *
 * @example
 * // Runs in one process of many; when that process dies, another one runs it.
 * await coordinator.lead(async (lease) => {
 *   while (!lease.signal.aborted) await step(lease.token)
 * })
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export class Coordinator implements AsyncDisposable {
  readonly name: string
  readonly lockName: string
  readonly #locks: Locks
  readonly #events = new Events<CoordinatorEvents>(COORDINATOR_EVENTS)
  readonly #leadership: Leadership
  readonly #series: PartSeries | undefined
  #closing: Promise<void> | undefined

  constructor(options: CoordinatorOptions) {
    known('Coordinator', options, COORDINATOR_OPTIONS)
    const { storage, lockName = 'coordinator_lock', ttl = 10, retryInterval = 1, clock } = options
    if (typeof storage?.open !== 'function') {
      throw new OptionTypeError(
        'storage',
        `storage must be a storage, such as new MemoryStorage() for one process, got ${describe(storage)}`,
      )
    }
    if (clock !== undefined && typeof clock?.now !== 'function') {
      throw new OptionTypeError('clock', `clock must have a method now(), got ${describe(clock)}`)
    }
    this.lockName = text('lockName', lockName)
    const { name = lockName } = options
    this.name = text('name', name)
    const retry = toMillis('retryInterval', retryInterval)
    if (retry < 1) {
      throw new OptionRangeError(
        'retryInterval',
        `retryInterval must be at least 1 ms, got ${describe(retryInterval)}`,
      )
    }
    const wall = clock?.wall === undefined ? undefined : () => clock.wall?.() as Millis
    const leaseClock = new LeaseClock(clock ?? systemClock, wall)
    const context: LeaseContext = {
      leases: sharedLeasesOf(storage, clock),
      clock: leaseClock,
      events: this.#events,
      renewals: new RenewalTimer(leaseClock.steady),
    }
    const metrics = checkMeter(options.metrics)
    this.#series = metrics && meterCoordinator<Coordinator>(metrics, this, this.#events)
    this.#locks = new Locks(context, toTerm(ttl), retry)
    // A leader writes its name into the storage, where the dashboard reads it. Leadership does not depend on it, so a failure is ignored.
    const sign = <L extends Lease | undefined>(lease: L): L => {
      if (lease !== undefined && 'limiters' in storage) {
        const value = { process: processName(), token: lease.token }
        storage.set(`leader:${this.lockName}`, value, SIGNED).catch(() => {})
      }
      return lease
    }
    this.#leadership = new Leadership(
      {
        tryOnce: async () => sign(await this.#locks.try([this.lockName], {})),
        stand: async (signal) => sign(await this.#locks.wait([this.lockName], { signal })),
      },
      context.clock.steady,
      this.#events,
    )
  }

  /**
   * Becomes the leader when there is none; true also when this coordinator leads already.
   *
   * @throws StorageDownError when the storage cannot be asked
   */
  async acquireLeadership(): Promise<boolean> {
    this.#checkOpen()
    return this.#leadership.acquire()
  }

  /**
   * Waits until this coordinator leads. It also waits through an outage of the storage.
   *
   * @throws the reason of `signal`; WaitTimeoutError
   */
  async waitForLeadership(options: WaitOptions = {}): Promise<Lease> {
    this.#checkOpen()
    known('coordinator.waitForLeadership', options, WAIT_OPTIONS)
    return this.#leadership.wait(options)
  }

  /** Gives the leadership back. @returns true when this coordinator led until now */
  async releaseLeadership(): Promise<boolean> {
    return this.#leadership.resign()
  }

  /** True while this coordinator leads. Computed from two clocks; never stale. */
  get isLeader(): boolean {
    return this.#leadership.lease !== undefined
  }

  /** The lease of the leadership; `undefined` while this coordinator does not lead. */
  get leadership(): Lease | undefined {
    return this.#leadership.lease
  }

  /**
   * Waits for leadership, runs `fn`, and gives the leadership back when `fn` has ended. When leadership is lost while `fn` runs, the
   * signal of the lease aborts; once `fn` has ended, with a result or an error, the coordinator waits for leadership again and calls
   * `fn` again.
   *
   * @param options.signal stops it. While it waits, it rejects with the reason of the signal. While it leads, the signal of the lease
   * aborts, leadership is kept until `fn` has ended, and `lead` ends with the result or error of `fn`
   * @returns what `fn` returned while it led
   * @throws what `fn` threw while it led
   */
  async lead<R>(fn: (lease: Lease) => R | PromiseLike<R>, options: LeadOptions = {}): Promise<R> {
    this.#checkOpen()
    checkFunction(fn)
    known('coordinator.lead', options, LEAD_OPTIONS)
    return this.#leadership.lead(fn, abortable(options.signal))
  }

  /** Leads whenever it can, until `end` is called. For callers that only read `isLeader`, as a `Scheduler` does. */
  campaign(): { end(): Promise<void> } {
    const controller = new AbortController()
    const led = this.lead(({ signal }) => aborted(signal), { signal: controller.signal })
    const done = led.catch(() => {})
    return {
      end: () => {
        controller.abort()
        // An attempt to become the leader may be under way.
        return done.then(() => this.#locks.settled())
      },
    }
  }

  /**
   * Waits for a lock, or for several at once, all or none.
   *
   * @throws the reason of `signal`; WaitTimeoutError when `timeout` is over; where the storage could not be asked, its error is the
   * `cause`
   */
  lock(names: string | readonly string[], options: LockOptions = {}): Promise<Lease> {
    try {
      this.#checkOpen()
      known('coordinator.lock', options, LOCK_OPTIONS)
      abortable(options.signal)
      return this.#locks.wait(readNames(names), options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Takes a lock, or several, all or none, without waiting. Resolves with `undefined` when another holder has one of them.
   *
   * @throws StorageDownError when the storage cannot be asked
   */
  async tryLock(
    names: string | readonly string[],
    options: TryLockOptions = {},
  ): Promise<Lease | undefined> {
    this.#checkOpen()
    known('coordinator.tryLock', options, TRY_LOCK_OPTIONS)
    return this.#locks.try(readNames(names), options)
  }

  /**
   * Waits for a lock, or for several, runs `fn`, and gives the lock back. When the lock is lost, `lease.signal` aborts and `fn` goes on.
   *
   * @throws as {@link lock}; what `fn` throws
   */
  async withLock<R>(
    names: string | readonly string[],
    fn: (lease: Lease) => R | PromiseLike<R>,
    options: LockOptions = {},
  ): Promise<R> {
    checkFunction(fn)
    const lease = await this.lock(names, options)
    try {
      return await fn(lease)
    } finally {
      await lease.release()
    }
  }

  /** The leases that this coordinator holds now, the lease of the leadership included. */
  held(): Lease[] {
    return this.#locks.held()
  }

  /** The locks that callers of this coordinator wait for, and the lock of the leadership while it takes part in the election. */
  awaited(): AwaitedLock[] {
    return this.#locks.awaited()
  }

  /** Listens; returns the way to stop listening. */
  on<Name extends keyof CoordinatorEvents>(
    event: Name,
    listener: Listener<CoordinatorEvents[Name]>,
  ): () => void {
    return this.#events.on(event, listener)
  }

  /**
   * Rejects the calls that wait with `CLOSED`, and gives back every lease, the lease of the leadership too. The signals of the leases
   * abort first, but nothing waits for functions that still run: stop `lead` by its `signal` before. Resolves when the storage has
   * answered, or its timeout is over. May be called twice. The storage stays open.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const reason = new ClosedError('the coordinator')
    this.#leadership.close(reason)
    await this.#locks.close(reason)
    this.#series?.end()
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError('the coordinator')
  }
}

function checkFunction(fn: unknown): void {
  callable('fn', fn)
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => void onAbort(signal, resolve))
}
