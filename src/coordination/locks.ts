import { BackgroundTasks } from '../core/background-tasks.ts'
import { flag } from '../core/check.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import type { ClosedError } from '../core/errors.ts'
import { IndexedSet } from '../core/indexed-set.ts'
import type { Moment } from '../core/lease-clock.ts'
import { type Grant, HeldLease, type LeaseContext } from './held-lease.ts'
import { newHolder } from './holder.ts'
import type { AwaitedLock, LockOptions, TryLockOptions } from './lease.ts'
import { LockQueue } from './lock-queue.ts'
import { LockRequest, type RequestListener } from './lock-request.ts'
import { safeEnd, toTerm } from './term.ts'

/** Takes locks for one coordinator, and waits for them. */
export class Locks {
  readonly #context: LeaseContext
  readonly #term: Millis
  readonly #retry: Millis
  readonly #waiting = new IndexedSet<LockRequest>()
  #closed = false
  /** How many calls of `tryLock` have no answer yet. */
  #asking = 0
  #quiet: Promise<void> | undefined
  #onQuiet: (() => void) | undefined
  /** Releases that the storage has not answered yet. */
  readonly #tasks = new BackgroundTasks()

  readonly #listener: RequestListener = {
    granted: (request, asked, tokens) => {
      this.#waiting.delete(request)
      const { names, began, call } = request
      const { holder, term, renews } = call
      call.resolve(this.#begin({ names, holder, term, renews, asked, tokens }, began))
    },
    refused: (request, reason) => {
      this.#waiting.delete(request)
      request.call.reject(reason)
    },
    leaving: (over) => this.#tasks.add(over),
    failed: ({ names }, error) => this.#context.events.emit('error', { name: names.join(), error }),
  }

  /**
   * @param term of a lease, where the caller asks for none
   * @param retry how often to ask again when the storage cannot tell that the lock is free
   */
  constructor(context: LeaseContext, term: Millis, retry: Millis) {
    this.#context = context
    this.#term = term
    this.#retry = retry
  }

  async try(
    names: readonly string[],
    { ttl, renew = true }: TryLockOptions,
  ): Promise<HeldLease | undefined> {
    const { leases, clock } = this.#context
    const term = this.#read(ttl)
    flag('renew', renew)
    // A lease that becomes free goes to a caller of this process that waits, not to this try.
    if (leases.queues.find(names) !== undefined) return undefined
    const holder = newHolder()
    const asked = clock.moment()
    // A lease that cannot be given back ends by itself.
    const giveBack = () => this.#tasks.add(leases.release(names, holder))
    this.#asking += 1
    try {
      const { wait, tokens } = await leases.acquire({ names, holder, term, once: true })
      if (wait > 0) return undefined
      if (!this.#closed && clock.isBefore(safeEnd(asked, term))) {
        return this.#begin({ names, holder, term, renews: renew, asked, tokens }, asked)
      }
      giveBack()
      return undefined
    } catch (error) {
      // The answer was lost, but the lease may have been granted.
      giveBack()
      throw error
    } finally {
      this.#asking -= 1
      if (this.#asking === 0) this.#onQuiet?.()
    }
  }

  wait(names: readonly string[], options: LockOptions): Promise<HeldLease> {
    const { ttl, renew: renews = true, signal } = options
    const term = this.#read(ttl)
    flag('renew', renews)
    const timeout = options.timeout === undefined ? Infinity : toMillis('timeout', options.timeout)
    if (signal?.aborted) return Promise.reject(signal.reason)
    const { leases, clock } = this.#context
    return new Promise((resolve, reject) => {
      const call = { holder: newHolder(), term, renews, resolve, reject }
      const queue = LockQueue.of(leases, names)
      const request = new LockRequest(queue, call, this.#retry, clock, this.#listener)
      this.#waiting.add(request)
      request.join(signal, timeout)
    })
  }

  /** The leases that are held now. */
  held(): HeldLease[] {
    return [...this.#context.renewals].filter(({ held }) => held)
  }

  /** The locks that callers wait for now. */
  awaited(): AwaitedLock[] {
    const locks = new Map<string, AwaitedLock>()
    for (const { names, began } of this.#waiting) {
      const waited = this.#context.clock.passed(began) / 1000
      for (const name of names) {
        const known = locks.get(name)
        if (known === undefined) locks.set(name, { name, waiting: 1, longest: waited })
        else {
          known.waiting += 1
          known.longest = Math.max(known.longest, waited)
        }
      }
    }
    return [...locks.values()]
  }

  /** Rejects the waiting callers, and gives back the held leases; their signals abort first. */
  async close(reason: ClosedError): Promise<void> {
    this.#closed = true
    for (const request of [...this.#waiting]) request.withdraw(reason)
    const held = [...this.#context.renewals]
    for (const lease of held) lease.abort(reason)
    await Promise.all([this.settled(), ...held.map((lease) => lease.release())])
  }

  /** Resolves when no request is under way, and all leases that were granted too late have been given back. */
  async settled(): Promise<void> {
    if (this.#asking > 0) {
      this.#quiet ??= new Promise((resolve) => {
        this.#onQuiet = () => {
          this.#quiet = undefined
          this.#onQuiet = undefined
          resolve()
        }
      })
      await this.#quiet
    }
    await this.#tasks.done()
  }

  #read(ttl: TryLockOptions['ttl']): Millis {
    return ttl === undefined ? this.#term : toTerm(ttl)
  }

  #begin(grant: Grant, began: Moment): HeldLease {
    const lease = new HeldLease(this.#context, grant)
    const { events, clock } = this.#context
    if (events.heard) {
      events.emit('acquired', { ...lease.record, waited: clock.passed(began) / 1000 })
    }
    return lease
  }
}
