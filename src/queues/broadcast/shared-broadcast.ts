import type { OptionTable } from '../../core/check.ts'
import type { Duration } from '../../core/duration.ts'
import type { WaitOptions } from '../../core/waiters.ts'
import type { Codec, QueueHome } from '../queue-options.ts'
import {
  BROADCAST_OPTIONS,
  type BroadcastOptions,
  type SubscribeOptions,
  type Subscription,
} from './broadcast-types.ts'

/**
 * A broadcast that is kept in a storage. `maxSize` is how many items a group, or a subscriber without one, may leave
 * unacknowledged.
 */
export interface SharedBroadcastOptions<T> extends BroadcastOptions {
  /** Says which broadcast this is: all processes that make one of that name share it. */
  name: string
  /** A `RedisStorage`, or a `HybridStorage` over one. */
  storage: QueueHome & { readonly queues: BroadcastMaker }
  /** How long a process holds an item of a group without a renewal. Then another subscriber gets the item. @default '30s' */
  lease?: Duration
  /**
   * How often an item of a group may be taken by a subscriber that then dies or stalls. After that the item is dropped for the
   * group, because it may be the cause; `dropped` counts it and the event `dropped` tells it. @default 5
   */
  maxDeliveries?: number
  /** How items are written. @default jsonCodec: JSON values, and a Uint8Array as the whole item */
  codec?: Codec<T>
  /** The size of the largest item, in bytes as encoded. @default 262_144 */
  maxItemBytes?: number
}

export const SHARED_BROADCAST_OPTIONS: OptionTable<SharedBroadcastOptions<unknown>> = {
  ...BROADCAST_OPTIONS,
  storage: true,
  lease: true,
  maxDeliveries: true,
  codec: true,
  maxItemBytes: true,
}

/** The group that a subscriber belongs to. */
export interface GroupOptions {
  /** Subscribers of one group, in all processes, share its items. Items that are put while the group has no subscriber wait for one. */
  group: string
  /** Unsubscribes when it aborts. */
  signal?: AbortSignal
}

export const GROUP_OPTIONS: OptionTable<GroupOptions> = { group: true, signal: true }

/** One subscriber of a broadcast over a storage. In a group, an item is acknowledged when the next one is asked for. */
export interface SharedSubscription<T> extends Subscription<T> {
  /** Resolves when the storage knows the group or subscriber: it misses no item that any process puts after that. */
  readonly ready: Promise<void>
  /** How many items were lost: by the group, since it exists; or by this subscriber, if it has no group. */
  readonly dropped: number
}

/** The numbers of a group. */
export interface BroadcastGroup {
  group: string
  /** How many items no subscriber of the group has taken. */
  waiting: number
  /** How many items were taken and are not acknowledged. */
  running: number
  /** How many items the group has lost since it was made. */
  dropped: number
}

/**
 * Items that a group or subscriber has lost: it had more than `maxSize` items, or the subscribers of an item died
 * `maxDeliveries` times.
 */
export interface DroppedItems {
  /** Absent for subscribers without a group. */
  group?: string
  count: number
}

/** One to many, over all processes that make a broadcast of one name. Made by `QueueFactory.broadcast` with a `storage`. */
export interface SharedBroadcast<T> extends AsyncDisposable {
  readonly name: string
  /**
   * Resolves when the item is kept for all groups. The signal and the timeout of `options` end the wait for the storage; the item
   * may have been kept all the same.
   *
   * @returns `delivered`: how many groups, and subscribers of this process
   * @throws StorageDownError (rejects) where the storage cannot be reached; StorageFullError where it has no memory left
   * @throws OptionTypeError | OptionRangeError (rejects) for an item that cannot be encoded, or is too large
   * @throws WaitTimeoutError (rejects), or the reason of the signal
   */
  put(item: T, options?: WaitOptions): Promise<{ delivered: number }>
  subscribe(options?: SubscribeOptions<T> | GroupOptions): SharedSubscription<T>
  /** The groups of all processes, and their numbers. */
  groups(): Promise<BroadcastGroup[]>
  /**
   * Forgets a group, and the items that wait for it. A subscriber of the group that goes on makes it again, from that moment on.
   *
   * @returns `false` when there is no such group
   */
  removeGroup(group: string): Promise<boolean>
  /** Calls `listener` each time items were lost. For a group, this happens in one of its processes. Returns a function that stops listening. */
  on(event: 'dropped', listener: (event: DroppedItems) => void): () => void
  /** Ends the subscriptions of this process. Items that groups have not acknowledged stay. May be called twice. */
  stop(): Promise<void>
}

/** What a storage needs so that it can keep broadcasts. */
export interface BroadcastMaker {
  broadcast<T>(options: SharedBroadcastOptions<T>): SharedBroadcast<T>
}
