import type { Clock } from '../core/clock.ts'
import type { Events } from '../core/events.ts'
import { Waiters, type WaitOptions } from '../core/waiters.ts'
import type { HeldLease } from './held-lease.ts'
import { LeaderLease } from './leader-lease.ts'
import type { CoordinatorEvents, Lease } from './lease.ts'

/** How leadership is taken. */
export interface Election {
  /** Takes it if it is free. */
  tryOnce(): Promise<HeldLease | undefined>
  /** Waits for it. */
  stand(signal: AbortSignal): Promise<HeldLease>
}

/** The leadership of one coordinator: held, waited for, or neither. */
export class Leadership {
  readonly #election: Election
  readonly #events: Events<CoordinatorEvents>
  readonly #waiting: Waiters<HeldLease>
  #lease: HeldLease | undefined
  #trying: Promise<boolean> | undefined
  #campaign: AbortController | undefined
  /** How many calls of {@link lead} run: when the last one ends, the leadership is given back. */
  #leading = 0
  #closed: Error | undefined

  constructor(election: Election, clock: Clock, events: Events<CoordinatorEvents>) {
    this.#election = election
    this.#events = events
    this.#waiting = new Waiters(clock, 'leadership')
  }

  /** The lease that leads at this moment. */
  get lease(): HeldLease | undefined {
    return this.#lease?.held ? this.#lease : undefined
  }

  acquire(): Promise<boolean> {
    if (this.lease !== undefined) return Promise.resolve(true)
    this.#trying ??= this.#election
      .tryOnce()
      .then((lease) => {
        if (lease !== undefined) this.#elect(lease)
        return this.lease !== undefined
      })
      .finally(() => {
        this.#trying = undefined
      })
    return this.#trying
  }

  wait(patience: WaitOptions): Promise<HeldLease> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    const { lease } = this
    if (lease !== undefined && patience.signal?.aborted !== true) return Promise.resolve(lease)
    const waiting = this.#waiting.wait(patience)
    waiting.catch(() => {
      if (this.#waiting.size === 0) this.#campaign?.abort()
    })
    if (this.#waiting.size > 0) this.#stand()
    return waiting
  }

  async resign(): Promise<boolean> {
    return (await this.#lease?.release()) ?? false
  }

  /** Leads and runs `fn`, again after each loss, until `fn` has ended while this coordinator still led. */
  async lead<R>(
    fn: (lease: Lease) => R | PromiseLike<R>,
    signal: AbortSignal | undefined,
  ): Promise<R> {
    for (;;) {
      const held = await this.wait(signal === undefined ? {} : { signal })
      this.#leading += 1
      const lease = new LeaderLease(held, signal)
      const ends = () => held.held || signal?.aborted || this.#closed !== undefined
      try {
        const result = await fn(lease)
        if (ends()) return result
      } catch (error) {
        // The loss of the leadership has ended `fn`: the error that followed is not reported.
        if (ends()) throw error
      } finally {
        lease.end()
        this.#leading -= 1
        if (this.#leading === 0) await held.release()
      }
    }
  }

  close(reason: Error): void {
    this.#closed = reason
    this.#waiting.refuseAll(reason)
    this.#campaign?.abort(reason)
  }

  #stand(): void {
    if (this.#campaign !== undefined) return
    const campaign = new AbortController()
    this.#campaign = campaign
    const over = () => {
      if (this.#campaign === campaign) this.#campaign = undefined
    }
    this.#election.stand(campaign.signal).then(
      (lease) => {
        over()
        this.#elect(lease)
      },
      (error: unknown) => {
        over()
        // A call that came after the campaign was given up begins another one.
        if (campaign.signal.aborted && this.#waiting.size > 0) this.#stand()
        else if (!campaign.signal.aborted) this.#waiting.refuseAll(error)
      },
    )
  }

  #elect(lease: HeldLease): void {
    if (!lease.held) return
    this.#lease = lease
    lease.onOver(() => {
      if (this.#lease === lease) this.#lease = undefined
      this.#events.emit('deposed', lease.record)
    })
    this.#events.emit('elected', lease.record)
    if (this.#waiting.size === 0) return
    this.#waiting.grantAll(lease)
    this.#campaign?.abort()
  }
}
