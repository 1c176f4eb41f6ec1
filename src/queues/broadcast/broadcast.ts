import * as check from '../../core/check.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { ClosedError, describe, OptionTypeError } from '../../core/errors.ts'
import { checkEvent, tell } from '../../core/events.ts'
import { checkMeter } from '../../core/meter.ts'
import type { PartSeries } from '../../core/part-series.ts'
import { checkWaitOptions, type WaitOptions } from '../../core/waiters.ts'
import { toCount } from '../settings.ts'
import { followBroadcast } from './broadcast-meter.ts'
import {
  BROADCAST_OPTIONS,
  type Broadcast,
  type BroadcastOptions,
  type SlowPolicy,
  SUBSCRIBE_OPTIONS,
  type SubscribeOptions,
  type Subscription,
} from './broadcast-types.ts'
import { type Sender, Subscriber } from './subscriber.ts'

const POLICIES: readonly SlowPolicy[] = ['drop-oldest', 'drop-newest', 'block', 'disconnect']
const EVENTS: check.OptionTable<{ dropped: unknown }> = { dropped: true }
type DropListener<T> = (event: { item: T; subscription: Subscription<T> }) => void

/** One to many: every subscriber sees every item. */
export class BroadcastQueue<T> implements Broadcast<T>, Sender<T> {
  readonly name: string
  readonly clock: Clock
  readonly #maxSize: number
  readonly #overflow: SlowPolicy
  readonly #subscribers = new Set<Subscriber<T>>()
  readonly #listeners = new Set<DropListener<T>>()
  readonly #series: PartSeries | undefined
  #stopped = false
  dropped = 0

  constructor(options: BroadcastOptions = {}) {
    check.known('QueueFactory.broadcast', options, BROADCAST_OPTIONS)
    const { name = 'broadcast', maxSize = 10_000, overflow = 'drop-oldest', clock } = options
    this.name = check.text('name', name)
    this.#maxSize = toCount('maxSize', maxSize)
    this.#overflow = check.oneOf('overflow', overflow, POLICIES)
    this.clock = check.having('clock', clock, 'now') ?? systemClock
    const metrics = checkMeter(options.metrics)
    this.#series = metrics && followBroadcast<BroadcastQueue<T>>(metrics, this)
  }

  get subscribers(): number {
    return this.#subscribers.size
  }

  async put(item: T, patience?: WaitOptions): Promise<{ delivered: number; dropped: number }> {
    if (this.#stopped) throw new ClosedError(`broadcast '${this.name}'`)
    if (patience !== undefined) checkWaitOptions('broadcast.put', patience)
    check.abortable(patience?.signal)?.throwIfAborted()
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
    if (options !== null && typeof options === 'object' && 'group' in options) {
      throw new OptionTypeError(
        'group',
        `group needs a broadcast with a storage and a name, which keep items for absent subscribers; got group ${describe(options.group)} in memory`,
      )
    }
    check.known('broadcast.subscribe', options, SUBSCRIBE_OPTIONS)
    if (this.#stopped) throw new ClosedError(`broadcast '${this.name}'`)
    const { maxSize = this.#maxSize, overflow = this.#overflow, filter, signal } = options
    check.abortable(signal)
    const reader = new Subscriber<T>(
      this,
      toCount('maxSize', maxSize),
      check.oneOf('overflow', overflow, POLICIES),
      check.callback('filter', filter),
    )
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

  on(event: 'dropped', listener: DropListener<T>): () => void {
    checkEvent(event, EVENTS)
    check.callable('listener', listener)
    const own: DropListener<T> = (event) => listener(event)
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const reader of [...this.#subscribers]) reader.end()
    this.#series?.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** @internal */
  leave(reader: Subscriber<T>): void {
    this.#subscribers.delete(reader)
  }

  /** @internal Every subscriber has missed `count` items that are lost. */
  lost(count: number): void {
    for (const reader of this.#subscribers) {
      reader.dropped += count
      this.dropped += count
    }
  }

  /** @internal */
  missed(item: T, subscription: Subscription<T>): void {
    this.dropped += 1
    for (const listener of [...this.#listeners]) {
      void tell(`'dropped' of broadcast '${this.name}'`, listener, { item, subscription })
    }
  }
}
