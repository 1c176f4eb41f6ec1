import type { Clock } from '../core/clock.ts'
import type { LeaseAnswer, LeaseRequest, LeaseStore, LeaseWatch } from '../core/lease-store.ts'
import type { Storage } from '../core/storage.ts'
import { lease } from '../rules/lease.ts'
import { ByName } from './by-name.ts'
import { ledgerLeases } from './ledger-leases.ts'
import { LockQueues } from './lock-queues.ts'

/**
 * The leases of one storage in one process. All coordinators of a process that use one storage share this object, so that each lock has one queue in the process, and one request of the queue asks the store.
 */
export class SharedLeases {
  readonly queues: LockQueues = new LockQueues()
  readonly #store: LeaseStore
  /** The names that are held in this process. */
  readonly #held = new ByName<true>()

  constructor(store: LeaseStore) {
    this.#store = store
  }

  /** True where a request can let other processes go first. */
  get takesTurns(): boolean {
    return this.#store.takesTurns === true
  }

  acquire(request: LeaseRequest): Promise<LeaseAnswer> {
    return this.#store.acquire(request)
  }

  renew(request: LeaseRequest): Promise<boolean> {
    return this.#store.renew(request)
  }

  /** As {@link LeaseStore.release}, and tells the queues of this process. */
  release(
    names: readonly string[],
    holder: string,
    tokens: readonly number[] = [],
  ): Promise<boolean> {
    const known = this.#store.release(names, holder, tokens)
    // After the release was sent and before its answer: the next caller asks in the same trip.
    this.queues.freed(names)
    return known
  }

  watch(names: readonly string[], freed: (name?: string) => void): LeaseWatch {
    return this.#store.watch(names, freed)
  }

  /** This process holds the leases from now on. */
  began(names: readonly string[]): void {
    for (const name of names) this.#held.set(name, true)
  }

  /** This process is giving the leases back. */
  ended(names: readonly string[]): void {
    for (const name of names) this.#held.delete(name)
  }

  /** This process has lost the leases, without giving them back. */
  lost(names: readonly string[]): void {
    this.ended(names)
    this.queues.freed(names)
  }

  /** True when this process holds one of the names: then the queue is told when that ends. */
  holds(names: readonly string[]): boolean {
    return names.some((name) => this.#held.get(name))
  }
}

const shared = new WeakMap<Storage, SharedLeases>()

/** The leases of a storage: one object in a process. */
export function sharedLeasesOf(storage: Storage, clock: Clock | undefined): SharedLeases {
  let leases = shared.get(storage)
  if (leases === undefined) {
    leases = new SharedLeases(
      storage.leases?.() ?? ledgerLeases(storage.open(lease(), 'lease', clock)),
    )
    shared.set(storage, leases)
  }
  return leases
}
