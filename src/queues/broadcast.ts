import * as check from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { ClosedError, SlowSubscriberError } from '../core/errors.ts'
import { checkMeter, type Metered } from '../core/meter.ts'
import { type Patience, Waiters } from '../core/waiters.ts'
import { followBroadcast } from './broadcast-meter.ts'
import { toCount } from './settings.ts'

/** What happens to a subscriber that does not keep up. */
export type SlowPolicy = 'drop-oldest' | 'drop-newest' | 'block' | 'disconnect'

/** How much a subscriber may leave unread, and what happens when it is more. */
export interface BroadcastOptions extends Metered {
  /** How it is called in messages and metrics. @default 'broadcast' */
  name?: string
  /** How many items a subscriber may leave unread. @default 10000 */
  maxSize?: number
  /**
   * A subscriber with that many unread loses the oldest of them, or the new one, makes `put` wait, or is cut off.
   * @default 'drop-oldest'
   */
  overflow?: SlowPolicy
  /** @default the runtime's clock */
  clock?: Clock
}

/** What one subscriber wants to be different from the {@link Broadcast} it listens to. */
export interface SubscribeOptions<T> {
  /** @default that of the broadcast */
  maxSize?: number
  /** @default that of the broadcast */
  overflow?: SlowPolicy
  /** Only items for which this is true. */
  filter?: (item: T) => boolean
  /** Unsubscribes when it aborts. */
  signal?: AbortSignal
}

/** What one subscriber gets. */
export interface Subscription<T> extends AsyncIterableIterator<T>, AsyncDisposable {
  /** How many items it has missed. */
  readonly dropped: number
  /** How many it has not read yet. */
  readonly size: number
  /**
   * @throws ClosedError when it has ended and all is read
   * @throws SlowSubscriberError when it was cut off and all is read
   */
  get(patience?: Patience): Promise<T>
  /** Ends it; unread items are gone. Idempotent. */
  unsubscribe(): void
}

/** One item in, a copy to every subscriber: {@link QueueFactory}.broadcast makes it. */
export interface Broadcast<T> extends AsyncDisposable {
  readonly name: string
  /** How many subscribe now. */
  readonly subscribers: number
  /** How many deliveries were dropped so far, over all subscribers. */
  readonly dropped: number
  /**
   * Hands `item` to everybody who subscribes now. Waits only for subscribers with `overflow: 'block'`.
   *
   * @returns to how many it went, and how many deliveries were dropped for it
   */
  put(item: T, patience?: Patience): Promise<{ delivered: number; dropped: number }>
  /** Subscribes at once: all that is put after this call is seen, however late reading begins. */
  subscribe(options?: SubscribeOptions<T>): Subscription<T>
  /** The most that any subscriber has unread. */
  size(): number
  on(
    event: 'dropped',
    listener: (event: { item: T; subscription: Subscription<T> }) => void,
  ): () => void
  /** No more items; subscribers read what they have and end. Idempotent. */
  stop(): Promise<void>
}

const POLICIES: readonly SlowPolicy[] = ['drop-oldest', 'drop-newest', 'block', 'disconnect']
type DropListener<T> = (event: { item: T; subscription: Subscription<T> }) => void

/** One to many: every subscriber sees every item. */
export class BroadcastQueue<T> implements Broadcast<T> {
  readonly name: string
  readonly clock: Clock
  readonly #maxSize: number
  readonly #overflow: SlowPolicy
  readonly #subscribers = new Set<Reader<T>>()
  readonly #listeners = new Set<DropListener<T>>()
  #stopped = false
  dropped = 0

  constructor(options: BroadcastOptions = {}) {
    check.options('options', options)
    this.name = options.name ?? 'broadcast'
    this.#maxSize = toCount('maxSize', options.maxSize ?? 10_000)
    this.#overflow = check.oneOf('overflow', options.overflow ?? 'drop-oldest', POLICIES)
    this.clock = options.clock ?? systemClock
    const metrics = checkMeter(options.metrics)
    if (metrics !== undefined) followBroadcast(metrics, this)
  }

  get subscribers(): number {
    return this.#subscribers.size
  }

  async put(item: T, patience?: Patience): Promise<{ delivered: number; dropped: number }> {
    if (this.#stopped) throw new ClosedError(`broadcast '${this.name}'`)
    patience?.signal?.throwIfAborted()
    const before = this.dropped
    let delivered = 0
    const blocked: Promise<boolean>[] = []
    for (const reader of [...this.#subscribers]) {
      const taken = reader.offer(item, patience)
      if (taken === true) delivered += 1
      else if (taken !== false) blocked.push(taken)
    }
    // Room may have come for some before patience ended for others: what was delivered stays delivered.
    const late = await Promise.allSettled(blocked)
    for (const each of late) {
      if (each.status === 'rejected') throw each.reason
      if (each.value) delivered += 1
    }
    return { delivered, dropped: this.dropped - before }
  }

  subscribe(options: SubscribeOptions<T> = {}): Subscription<T> {
    check.options('options', options)
    if (this.#stopped) throw new ClosedError(`broadcast '${this.name}'`)
    const reader = new Reader<T>(
      this,
      toCount('maxSize', options.maxSize ?? this.#maxSize),
      check.oneOf('overflow', options.overflow ?? this.#overflow, POLICIES),
      options.filter,
    )
    const { signal } = options
    if (signal?.aborted === true) {
      reader.unsubscribe()
      return reader
    }
    this.#subscribers.add(reader)
    if (signal !== undefined) reader.follow(signal)
    return reader
  }

  size(): number {
    let most = 0
    for (const reader of this.#subscribers) most = Math.max(most, reader.size)
    return most
  }

  on(_event: 'dropped', listener: DropListener<T>): () => void {
    const own: DropListener<T> = (event) => listener(event)
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const reader of [...this.#subscribers]) reader.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** @internal */
  leave(reader: Reader<T>): void {
    this.#subscribers.delete(reader)
  }

  /** @internal */
  missed(item: T, subscription: Subscription<T>): void {
    this.dropped += 1
    for (const listener of this.#listeners) {
      try {
        listener({ item, subscription })
      } catch (error) {
        console.error(`aioflux: a listener to 'dropped' of broadcast '${this.name}' threw`, error)
      }
    }
  }
}

class Reader<T> implements Subscription<T> {
  readonly #broadcast: BroadcastQueue<T>
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
  #error: unknown
  dropped = 0

  constructor(
    broadcast: BroadcastQueue<T>,
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
  offer(item: T, patience: Patience | undefined): boolean | Promise<boolean> {
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
          if (!room) return false
          this.#promised -= 1
          if (!this.#waiters.grant({ done: false, value: item })) this.#unread.push(item)
          this.#offerRoom()
          return true
        })
    }
  }

  async get(patience?: Patience): Promise<T> {
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
    const listener = () => this.unsubscribe()
    signal.addEventListener('abort', listener, { once: true })
    this.#forgetSignal = () => signal.removeEventListener('abort', listener)
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

  async #read(patience?: Patience): Promise<IteratorResult<T, undefined>> {
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

  /** Room goes to those who wait for it, one place each, before anybody who comes later. */
  #offerRoom(): void {
    if (this.size + this.#promised < this.#maxSize && this.#room.grant(true)) this.#promised += 1
  }

  #wants(item: T): boolean {
    try {
      return this.#filter?.(item) === true
    } catch (error) {
      console.error(`aioflux: a filter of broadcast '${this.#broadcast.name}' threw`, error)
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
