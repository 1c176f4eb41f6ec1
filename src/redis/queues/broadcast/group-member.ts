import { type Cancel, systemClock } from '../../../core/clock.ts'
import type { Millis } from '../../../core/duration.ts'
import { ClosedError, isAioFluxError } from '../../../core/errors.ts'
import { onAbort } from '../../../core/on-abort.ts'
import type { Watch } from '../../../core/storage.ts'
import { checkWaitOptions, Waiters, type WaitOptions } from '../../../core/waiters.ts'
import type { SharedSubscription } from '../../../queues/broadcast/shared-broadcast.ts'
import { anything } from '../replies.ts'
import { Bell } from './bell.ts'
import { type BroadcastLink, POLL } from './broadcast-link.ts'
import { joinReply, stepReply } from './broadcast-replies.ts'

/** The parts of its broadcast that a member uses. */
export interface GroupHome<T> {
  readonly link: BroadcastLink
  readonly lease: Millis
  readonly maxDeliveries: number
  decode(text: string): T
  cut(group: string, count: number): void
  left(member: GroupMember<T>): void
}

const END = { done: true, value: undefined } as const

/** One subscriber of a group: it holds one item at a time, and renews its claim until the next one is asked for. */
export class GroupMember<T> implements SharedSubscription<T> {
  readonly group: string
  readonly ready: Promise<void>
  readonly #home: GroupHome<T>
  readonly #consumer = crypto.randomUUID()
  readonly #bell = new Bell()
  readonly #watch: Watch
  readonly #waiters: Waiters<IteratorResult<T, undefined>>
  #held: number | undefined
  #renewal: Cancel | undefined
  #looking: Promise<void> | undefined
  #ended = false
  /** Resolves when the item that it held has gone back to the group. */
  gone: Promise<void> | undefined
  #forget: () => void = () => {}
  #failure: unknown
  dropped = 0
  size = 0

  constructor(home: GroupHome<T>, group: string, signal: AbortSignal | undefined) {
    this.#home = home
    this.group = group
    this.#waiters = new Waiters(systemClock, `an item of group '${group}' of '${home.link.name}'`)
    this.#watch = home.link.listen(() => this.#bell.ring())
    this.ready = this.#join()
    // A caller that awaits `ready` gets the error; a promise that nobody awaits must not end the process.
    this.ready.catch(() => {})
    if (signal !== undefined) this.#forget = onAbort(signal, () => this.unsubscribe())
  }

  /** Waits for the next item, and acknowledges the one before. */
  async get(patience?: WaitOptions): Promise<T> {
    if (patience !== undefined) checkWaitOptions('subscription.get', patience)
    const { done, value } = await this.#read(patience)
    if (done === true) throw this.#closed()
    return value
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#read()
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.unsubscribe()
    await this.gone
    return END
  }

  unsubscribe(): void {
    if (this.#ended) return
    this.#ended = true
    this.#forget()
    this.#renewal?.()
    this.#watch.end()
    this.#bell.ring()
    this.#waiters.grantAll(END)
    this.#home.left(this)
    this.gone = this.#leave()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.unsubscribe()
    await this.gone
  }

  #closed(): ClosedError {
    return new ClosedError(`group '${this.group}' of broadcast '${this.#home.link.name}'`)
  }

  async #join(): Promise<void> {
    while (!this.#ended) {
      try {
        const args = ['join', this.group, this.#consumer]
        const { size, dropped } = await this.#home.link.run(args, joinReply)
        this.size = size
        this.dropped = dropped
        return
      } catch (error) {
        if (!isAioFluxError(error, 'STORAGE_DOWN')) throw error
        await this.#bell.wait(POLL)
      }
    }
    throw this.#closed()
  }

  async #read(patience?: WaitOptions): Promise<IteratorResult<T, undefined>> {
    if (this.#failure !== undefined) {
      const failure = this.#failure
      this.#failure = undefined
      throw failure
    }
    if (this.#ended) return END
    const waiting = this.#waiters.wait(patience)
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return waiting
  }

  /** Asks until no caller waits. An item that was taken for a caller that has left meanwhile goes back. */
  async #look(): Promise<void> {
    let done = this.#held
    this.#held = undefined
    this.#renewal?.()
    while (!this.#ended && (this.#waiters.size > 0 || done !== undefined)) {
      const wanted = this.#waiters.size > 0 ? 1 : 0
      try {
        const { link, lease, maxDeliveries } = this.#home
        const step = ['step', this.group, this.#consumer, lease, done ?? '', wanted, maxDeliveries]
        const { size, dropped, untold, taken } = await link.run(step, stepReply)
        done = undefined
        this.size = size
        this.dropped = dropped
        if (untold > 0) this.#home.cut(this.group, untold)
        if (taken !== undefined) done = this.#hand(taken.number, taken.text)
        else if (wanted === 1) await this.#bell.wait(Math.min(POLL, lease))
      } catch (error) {
        if (!isAioFluxError(error, 'STORAGE_DOWN')) {
          if (!this.#ended) this.#failure = error
          this.unsubscribe()
          return
        }
        await this.#bell.wait(POLL)
      }
    }
  }

  /** Hands an item to a caller. Returns the number of the item where another caller waits for the next one. */
  #hand(number: number, text: string): number | undefined {
    this.#held = number
    if (this.#ended) return undefined
    const value = this.#home.decode(text)
    // No caller waits any more: the item stays with this member, and the next step gets it again.
    if (!this.#waiters.grant({ done: false, value })) {
      this.#held = undefined
      return undefined
    }
    if (this.#waiters.size > 0) {
      this.#held = undefined
      return number
    }
    this.#renewLater()
    return undefined
  }

  #renewLater(): void {
    const number = this.#held
    this.#renewal = systemClock.after?.(
      this.#home.lease / 3,
      () => {
        if (this.#held !== number || this.#ended) return
        void this.#home.link
          .run(['renew', this.group, this.#consumer, number ?? ''], anything)
          .catch(() => {})
          .then(() => {
            if (this.#held === number && !this.#ended) this.#renewLater()
          })
      },
      true,
    )
  }

  async #leave(): Promise<void> {
    await this.ready.catch(() => {})
    await this.#looking
    try {
      await this.#home.link.run(['leave', this.group, this.#consumer], anything)
    } catch {
      // An item that cannot be given back now goes to another member after its lease.
    }
  }
}
