import { atOnce } from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import { complain } from '../../core/error-text.ts'
import { ClosedError, SlowSubscriberError } from '../../core/errors.ts'
import { onAbort } from '../../core/on-abort.ts'
import { checkWaitOptions, Waiters, type WaitOptions } from '../../core/waiters.ts'
import type { SlowPolicy, Subscription } from './broadcast-types.ts'

/** What a subscriber needs of its broadcast. */
export interface Sender<T> {
  readonly name: string
  readonly clock: Clock
  leave(subscriber: Subscriber<T>): void
  missed(item: T, subscription: Subscription<T>): void
}

/** One subscriber: what it has not read yet, and what happens when that is too much. */
export class Subscriber<T> implements Subscription<T> {
  readonly #broadcast: Sender<T>
  readonly #maxSize: number
  readonly #policy: SlowPolicy
  readonly #filter: ((item: T) => boolean) | undefined
  // Read from the front, cut off in lumps: O(1) an item, over time.
  #unread: T[] = []
  #first = 0
  readonly #waiters: Waiters<IteratorResult<T, undefined>>
  readonly #room: Waiters<boolean>
  /** Places given to puts that have not filled them yet. */
  #promised = 0
  #forgetSignal: () => void = () => {}
  #ended = false
  #gone = false
  #error: unknown
  dropped = 0

  constructor(
    broadcast: Sender<T>,
    maxSize: number,
    policy: SlowPolicy,
    filter: ((item: T) => boolean) | undefined,
  ) {
    this.#broadcast = broadcast
    this.#maxSize = maxSize
    this.#policy = policy
    this.#filter = filter
    this.#waiters = new Waiters(broadcast.clock, `an item of broadcast '${broadcast.name}'`)
    this.#room = new Waiters(broadcast.clock, `room at a subscriber of '${broadcast.name}'`)
  }

  get size(): number {
    return this.#unread.length - this.#first
  }

  /** `true` when it got the item, `false` when not, a promise of either where it has to be waited for. */
  offer(item: T, patience: WaitOptions | undefined): boolean | Promise<boolean> {
    if (this.#filter !== undefined && !this.#wants(item)) return false
    if (this.#waiters.grant({ done: false, value: item })) return true
    if (this.size < this.#maxSize && this.#room.size === 0 && this.#promised === 0) {
      this.#unread.push(item)
      return true
    }
    switch (this.#policy) {
      case 'drop-oldest':
        this.#miss(this.#shift())
        this.#unread.push(item)
        return true
      case 'drop-newest':
        this.#miss(item)
        return false
      case 'disconnect':
        this.#miss(item)
        this.#error = new SlowSubscriberError(this.#maxSize)
        this.end()
        return false
      case 'block':
        return this.#room.wait(patience).then((room) => {
          // A subscriber that has left misses nothing; one that was cut off by the end does.
          if (!room && !this.#gone) this.#miss(item)
          if (!room || this.#gone) return false
          this.#promised -= 1
          if (!this.#waiters.grant({ done: false, value: item })) this.#unread.push(item)
          this.#offerRoom()
          return true
        })
    }
  }

  async get(patience?: WaitOptions): Promise<T> {
    if (patience !== undefined) checkWaitOptions('subscription.get', patience)
    const { done, value } = await this.#read(patience)
    if (done === true) throw new ClosedError(`broadcast '${this.#broadcast.name}'`)
    return value
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#read()
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.unsubscribe()
    return { done: true, value: undefined }
  }

  unsubscribe(): void {
    this.#gone = true
    this.#unread = []
    this.#first = 0
    this.end()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.unsubscribe()
  }

  follow(signal: AbortSignal): void {
    this.#forgetSignal = onAbort(signal, () => this.unsubscribe())
  }

  /** No more items; what is unread can still be read. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#broadcast.leave(this)
    this.#forgetSignal()
    this.#room.grantAll(false)
    this.#waiters.grantAll({ done: true, value: undefined })
  }

  async #read(patience?: WaitOptions): Promise<IteratorResult<T, undefined>> {
    if (this.size > 0) {
      const value = this.#shift()
      this.#offerRoom()
      return { done: false, value }
    }
    if (!this.#ended) return this.#waiters.wait(patience)
    const error = this.#error
    this.#error = undefined
    if (error !== undefined) throw error
    return { done: true, value: undefined }
  }

  /** Gives room to the puts that wait, one place each, before later puts. */
  #offerRoom(): void {
    if (this.size + this.#promised < this.#maxSize && this.#room.grant(true)) this.#promised += 1
  }

  #wants(item: T): boolean {
    try {
      return atOnce('filter', this.#filter?.(item)) === true
    } catch (error) {
      complain(`aioflux: a filter of broadcast '${this.#broadcast.name}' threw`, error)
      return false
    }
  }

  #shift(): T {
    const item = this.#unread[this.#first] as T
    this.#unread[this.#first] = undefined as T
    this.#first += 1
    if (this.#first > 64 && this.#first * 2 > this.#unread.length) {
      this.#unread = this.#unread.slice(this.#first)
      this.#first = 0
    }
    return item
  }

  #miss(item: T): void {
    this.dropped += 1
    this.#broadcast.missed(item, this)
  }
}
