import type { OptionTable } from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import type { Metered } from '../../core/meter.ts'
import type { WaitOptions } from '../../core/waiters.ts'

/** What happens to a subscriber that does not keep up. */
export type SlowPolicy = 'drop-oldest' | 'drop-newest' | 'block' | 'disconnect'

/** How much a subscriber may leave unread, and what happens when it is more. */
export interface BroadcastOptions extends Metered {
  /** The name in messages and metrics. Over a storage it is required, and says which broadcast it is. @default 'broadcast' */
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

export const BROADCAST_OPTIONS: OptionTable<BroadcastOptions> = {
  name: true,
  maxSize: true,
  overflow: true,
  clock: true,
  metrics: true,
}

/** The options of one subscriber; the others are those of its {@link Broadcast}. */
export interface SubscribeOptions<T> {
  /** How many items this subscriber may leave unread. @default that of the broadcast */
  maxSize?: number
  /** What happens when it leaves more unread. @default that of the broadcast */
  overflow?: SlowPolicy
  /** The subscriber gets only items for which this returns true. @default all items */
  filter?: (item: T) => boolean
  /** Unsubscribes when it aborts. */
  signal?: AbortSignal
}

export const SUBSCRIBE_OPTIONS: OptionTable<SubscribeOptions<unknown>> = {
  maxSize: true,
  overflow: true,
  filter: true,
  signal: true,
}

/** One subscriber of a broadcast: read it with `for await`, or by `get`. */
export interface Subscription<T> extends AsyncIterableIterator<T>, AsyncDisposable {
  /** How many items this subscriber has missed. */
  readonly dropped: number
  /** How many items it has not read yet. */
  readonly size: number
  /**
   * Waits for the next item.
   *
   * @throws ClosedError when the broadcast has stopped, or the subscriber has left, and all items are read
   * @throws SlowSubscriberError when the subscriber was cut off (`overflow: 'disconnect'`), and all items are read
   * @throws WaitTimeoutError when none came within `timeout`
   */
  get(options?: WaitOptions): Promise<T>
  /** Ends the subscription; unread items are gone. May be called twice. */
  unsubscribe(): void
}

/** One to many: an item that is put goes to every subscriber of that moment. Made by `QueueFactory.broadcast`. */
export interface Broadcast<T> extends AsyncDisposable {
  readonly name: string
  /** How many subscribers there are now. */
  readonly subscribers: number
  /** How many deliveries were dropped so far, over all subscribers. */
  readonly dropped: number
  /**
   * Gives `item` to every subscriber of this moment. Waits only for subscribers with `overflow: 'block'`.
   *
   * @returns how many subscribers got it (`delivered`), and how many items were dropped for it (`dropped`)
   */
  put(item: T, options?: WaitOptions): Promise<{ delivered: number; dropped: number }>
  /** Subscribes at once: the subscriber gets all items that are put after this call, however late reading begins. */
  subscribe(options?: SubscribeOptions<T>): Subscription<T>
  /** The largest number of unread items of one subscriber. */
  size(): number
  on(
    event: 'dropped',
    listener: (event: { item: T; subscription: Subscription<T> }) => void,
  ): () => void
  /** Accepts no more items; subscribers read the items that they have, and end. May be called twice. */
  stop(): Promise<void>
}
