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

export const SUBSCRIBE_OPTIONS: OptionTable<SubscribeOptions<unknown>> = {
  maxSize: true,
  overflow: true,
  filter: true,
  signal: true,
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
  get(options?: WaitOptions): Promise<T>
  /** Ends it; unread items are gone. Idempotent. */
  unsubscribe(): void
}

/** One to many: an item that is put goes to every subscriber of that moment. Made by `QueueFactory.broadcast`. */
export interface Broadcast<T> extends AsyncDisposable {
  readonly name: string
  /** How many subscribe now. */
  readonly subscribers: number
  /** How many deliveries were dropped so far, over all subscribers. */
  readonly dropped: number
  /**
   * Gives `item` to every subscriber of this moment. Waits only for subscribers with `overflow: 'block'`.
   *
   * @returns to how many it went, and how many deliveries were dropped for it
   */
  put(item: T, options?: WaitOptions): Promise<{ delivered: number; dropped: number }>
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
