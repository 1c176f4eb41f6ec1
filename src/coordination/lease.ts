import type { OptionTable } from '../core/check.ts'
import type { Duration } from '../core/duration.ts'
import { WAIT_OPTIONS, type WaitOptions } from '../core/waiters.ts'

/**
 * A lock, or the leadership, from the moment when it is granted until it is released or lost. A lease renews itself, and is lost when it
 * cannot be renewed in time. `await using` releases it at the end of the block.
 */
export interface Lease extends AsyncDisposable {
  /** The locked names, in the order in which they were asked for. */
  readonly names: readonly string[]
  /**
   * The fencing token: a whole number larger than every one before for the same name. Send it with every write; the protected
   * resource must refuse a write with a smaller token. With several names it is the largest of `tokens`.
   */
  readonly token: number
  /** The fencing token of each name. */
  readonly tokens: ReadonlyMap<string, number>
  /** Aborts when the lease is lost, before another process can get it; also when its coordinator is closed. */
  readonly signal: AbortSignal
  /** True while the lease is held. Computed from two clocks, so it is right even when the event loop has stood still. */
  readonly held: boolean
  /** For how many seconds the lease is still held if it cannot be renewed; 0 when it is not held. */
  readonly remaining: number
  /** @throws LeaseLostError when it is not held. Call it before each step that must not be done twice. */
  assertHeld(): void
  /**
   * Renews the lease now.
   *
   * @param ttl how long the lease lasts after this and every later renewal. @default as before
   * @throws LeaseLostError when the lease is not held any more
   * @throws StorageDownError when the storage cannot be asked; the lease is held until its time is over
   */
  extend(ttl?: Duration): Promise<void>
  /** Gives the lease back. @returns true when it was held until now. Never rejects: a lease that cannot be given back ends by itself. */
  release(): Promise<boolean>
}

/** How long a lock is held, and whether it renews itself. */
export interface TryLockOptions {
  /** How long the lock stays locked when its holder dies. From 10 ms to a day. @default the `ttl` of the coordinator */
  ttl?: Duration
  /** True: the lease renews itself, three times in each `ttl`. False: it ends after `ttl`, unless `extend` is called. @default true */
  renew?: boolean
}

/** How long a lock is held, how long a caller waits for it, and what ends the wait. */
export interface LockOptions extends TryLockOptions, WaitOptions {}

export const TRY_LOCK_OPTIONS: OptionTable<TryLockOptions> = { ttl: true, renew: true }

export const LOCK_OPTIONS: OptionTable<LockOptions> = { ...TRY_LOCK_OPTIONS, ...WAIT_OPTIONS }

/** Why a lease was lost. `expired`: it could not be renewed in time. `forgotten`: the storage does not know it any more. */
export type LossReason = 'expired' | 'forgotten'

/** A lease as events tell of it. */
export interface LeaseRecord {
  /** The locked name; several names are joined by commas. */
  name: string
  token: number
}

/** What {@link Coordinator.on} can listen to, and what each listener is told. */
export interface CoordinatorEvents {
  /** A lease was granted. */
  acquired: LeaseRecord & {
    /** For how many seconds the caller waited for it. */
    waited: number
  }
  /** A lease was renewed. */
  renewed: LeaseRecord
  /** A lease was given back. */
  released: LeaseRecord & {
    /** For how many seconds the lease was held. */
    seconds: number
  }
  /** A lease was lost while it was held, after `seconds`. */
  lost: LeaseRecord & { seconds: number; reason: LossReason }
  /** This process leads from now on. */
  elected: LeaseRecord
  /** This process leads no more. */
  deposed: LeaseRecord
  /** The storage could not be asked about the lock `name`. The coordinator asks again. */
  error: { name: string; error: unknown }
}

export const COORDINATOR_EVENTS: OptionTable<CoordinatorEvents> = {
  acquired: true,
  renewed: true,
  released: true,
  lost: true,
  elected: true,
  deposed: true,
  error: true,
}

/** A lock that is waited for. */
export interface AwaitedLock {
  name: string
  /** How many calls wait for it. */
  waiting: number
  /** For how many seconds the first of them has waited. */
  longest: number
}
