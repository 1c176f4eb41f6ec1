import * as check from '../../../core/check.ts'
import { systemClock } from '../../../core/clock.ts'
import { type Millis, toMillis } from '../../../core/duration.ts'
import { ClosedError, isAioFluxError } from '../../../core/errors.ts'
import { Events } from '../../../core/events.ts'
import type { Watch } from '../../../core/storage.ts'
import { checkWaitOptions, Waiters, type WaitOptions } from '../../../core/waiters.ts'
import { BroadcastQueue } from '../../../queues/broadcast/broadcast.ts'
import {
  SUBSCRIBE_OPTIONS,
  type SubscribeOptions,
} from '../../../queues/broadcast/broadcast-types.ts'
import {
  type BroadcastGroup,
  type DroppedItems,
  GROUP_OPTIONS,
  type GroupOptions,
  SHARED_BROADCAST_OPTIONS,
  type SharedBroadcast,
  type SharedBroadcastOptions,
  type SharedSubscription,
} from '../../../queues/broadcast/shared-broadcast.ts'
import { answered } from '../../../queues/lifecycle/answered.ts'
import type { Codec } from '../../../queues/queue-options.ts'
import { jsonCodec } from '../../../queues/store/json-codec.ts'
import { listOf } from '../../scripts/reply.ts'
import { open, seal } from '../envelope.ts'
import type { QueueHost } from '../queue-link.ts'
import { anything, countOf, flagOf } from '../replies.ts'
import { Bell } from './bell.ts'
import { BroadcastLink, POLL } from './broadcast-link.ts'
import { groupOf, readReply } from './broadcast-replies.ts'
import { type GroupHome, GroupMember } from './group-member.ts'

/**
 * A broadcast in a stream of Redis. Groups are consumer groups. Subscribers without a group share one reader a process, which
 * hands what it reads to a broadcast in memory.
 */
export class RedisBroadcast<T> implements SharedBroadcast<T>, GroupHome<T> {
  readonly name: string
  readonly link: BroadcastLink
  readonly lease: Millis
  readonly maxDeliveries: number
  readonly #maxSize: number
  readonly #maxItemBytes: number
  readonly #codec: Codec<T>
  readonly #local: BroadcastQueue<T>
  readonly #events = new Events<{ dropped: DroppedItems }>({ dropped: true })
  readonly #members = new Set<GroupMember<T>>()
  readonly #reader = crypto.randomUUID()
  readonly #bell = new Bell()
  #watch: Watch | undefined
  #reading: Promise<void> | undefined
  /** True once the reader has joined. */
  #reads = false
  #joined: Promise<void> | undefined
  /** Puts that wait until the reader of this process has joined: refused where it cannot. */
  readonly #joining = new Waiters<void>(systemClock, 'the reader of a broadcast')
  #stopped = false

  constructor(host: QueueHost, options: SharedBroadcastOptions<T>) {
    check.known('QueueFactory.broadcast', options, SHARED_BROADCAST_OPTIONS)
    const { storage: _, lease = '30s', codec, maxItemBytes = 262_144, ...rest } = options
    const { maxDeliveries = 5, ...local } = rest
    check.must(options.name !== undefined, 'name', 'be given with a storage', options.name)
    this.#local = new BroadcastQueue<T>(local)
    this.name = this.#local.name
    this.#maxSize = options.maxSize ?? 10_000
    check.integer('maxSize', this.#maxSize, 1)
    this.#maxItemBytes = check.integer('maxItemBytes', maxItemBytes, 1)
    this.maxDeliveries = check.integer('maxDeliveries', maxDeliveries, 1)
    check.having('codec', codec, 'encode')
    check.having('codec', codec, 'decode')
    this.#codec = codec ?? (jsonCodec as Codec<T>)
    this.lease = Math.ceil(toMillis('lease', lease))
    check.mustLie(this.lease >= 1 && this.lease < Infinity, 'lease', 'be finite and > 0', lease)
    this.link = new BroadcastLink(host, this.name)
    this.#local.on('dropped', () => this.#events.emit('dropped', { count: 1 }))
  }

  async put(item: T, patience: WaitOptions = {}): Promise<{ delivered: number }> {
    checkWaitOptions('broadcast.put', patience)
    const { signal, timeout } = patience
    signal?.throwIfAborted()
    if (this.#stopped) throw new ClosedError(`broadcast '${this.name}'`)
    const text = seal({ item }, this.#codec, this.#maxItemBytes, {})
    const put = this.#put(text)
    if (signal === undefined && timeout === undefined) return put
    const clock = systemClock
    const end = timeout === undefined ? Infinity : clock.now() + toMillis('timeout', timeout)
    return answered(clock, put, `the answer that broadcast '${this.name}' keeps an item`, {
      end,
      signal,
    })
  }

  async #put(text: string): Promise<{ delivered: number }> {
    // A subscriber sees what its own process puts after it has subscribed.
    if (this.#reading !== undefined && !this.#reads) await this.#joining.wait()
    const groups = await this.link.run(['put', this.#maxSize, text], countOf)
    return { delivered: groups + this.#local.subscribers }
  }

  subscribe(options: SubscribeOptions<T> | GroupOptions = {}): SharedSubscription<T> {
    check.options('options', options)
    if ('group' in options) return this.#subscribeGroup(options)
    check.known('broadcast.subscribe', options, { ...SUBSCRIBE_OPTIONS, group: true } as never)
    const subscription = this.#local.subscribe(options)
    this.#reading ??= this.#read()
    const ready = this.#joined as Promise<void>
    return Object.defineProperty(subscription, 'ready', { value: ready }) as SharedSubscription<T>
  }

  groups(): Promise<BroadcastGroup[]> {
    return this.link.run(['groups'], (reply) => listOf(reply).map(groupOf))
  }

  async removeGroup(group: string): Promise<boolean> {
    return this.link.run(['remove', check.text('group', group)], flagOf)
  }

  on(event: 'dropped', listener: (event: DroppedItems) => void): () => void {
    return this.#events.on(event, listener)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    const members = [...this.#members]
    for (const member of members) member.unsubscribe()
    this.#bell.ring()
    await this.#local.stop()
    await Promise.all([this.#reading, ...members.map(({ gone }) => gone)])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** @internal */
  decode(text: string): T {
    return open(text, this.#codec).item
  }

  /** @internal */
  cut(group: string, count: number): void {
    this.#events.emit('dropped', { group, count })
  }

  /** @internal */
  left(member: GroupMember<T>): void {
    this.#members.delete(member)
  }

  #subscribeGroup(options: GroupOptions): SharedSubscription<T> {
    check.known('broadcast.subscribe with a group', options, GROUP_OPTIONS)
    check.text('group', options.group)
    check.abortable(options.signal)
    if (this.#stopped) throw new ClosedError(`broadcast '${this.name}'`)
    const member = new GroupMember<T>(this, options.group, options.signal)
    this.#members.add(member)
    if (options.signal?.aborted === true) member.unsubscribe()
    return member
  }

  /** Reads for the subscribers of this process, until there are none. */
  async #read(): Promise<void> {
    this.#watch = this.link.listen(() => this.#bell.ring())
    let cursor: number | undefined
    let joined = () => {}
    this.#joined = new Promise((resolve) => {
      joined = resolve
    })
    while (!this.#stopped && this.#local.subscribers > 0) {
      try {
        const { last, entries } = await this.link.run(
          ['read', this.#reader, cursor ?? '', 1],
          readReply,
        )
        // When Redis has lost its data, the numbers of items begin again.
        cursor = cursor === undefined || last < cursor ? last : cursor
        joined()
        this.#reads = true
        this.#joining.grantAll(undefined)
        for (const { number, text } of entries) {
          this.#missed(number - cursor - 1)
          await this.#local.put(this.decode(text))
          cursor = number
        }
        if (entries.length > 0) continue
        this.#missed(last - cursor)
        cursor = last
      } catch (error) {
        // Only an outage of the storage is tried again: any other error would come again for ever.
        if (!this.#stopped && !isAioFluxError(error, 'STORAGE_DOWN')) {
          console.error(`aioflux: the reader of broadcast '${this.name}' failed`, error)
        }
        this.#joining.refuseAll(error)
      }
      await this.#bell.wait(POLL)
    }
    joined()
    this.#joining.grantAll(undefined)
    this.#reads = false
    this.#watch?.end()
    this.#reading = undefined
    this.#joined = undefined
    await this.link.run(['read', this.#reader, '', 0], anything).catch(() => {})
  }

  /** Items that were cut off before this process had read them. */
  #missed(count: number): void {
    if (count <= 0) return
    this.#local.lost(count)
    this.#events.emit('dropped', { count })
  }
}
