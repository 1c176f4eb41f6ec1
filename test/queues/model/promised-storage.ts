import type { Limiter } from '../../../src/index.ts'
import type { SharedQueue } from '../../../src/queues/queue.ts'
import type { QueueKind, QueueOptions } from '../../../src/queues/queue-options.ts'
import { sharedQueue } from '../../../src/queues/shared-factory.ts'
import type { JobStore } from '../../../src/queues/store/job-store.ts'
import type {
  Declaration,
  LimitDeclaration,
  QueueStorage,
  Share,
  SharedJobStore,
} from '../../../src/queues/store/queue-storage.ts'
import { PlainJobStore } from '../../../src/testing/job-store/plain-job-store.ts'
import { DEFAULT_TERMS, type JobStoreTerms } from '../../../src/testing/job-store/terms.ts'
import type { ManualClock } from '../../../src/testing/manual-clock.ts'
import { Leave, SharingJobs } from './sharing-jobs.ts'

/** How the storage knows a limiter that it decides itself. */
const DECLARED: LimitDeclaration = {
  kind: 'permits',
  scope: 'model',
  params: {},
  capacity: 1000,
  keyed: true,
}

/**
 * A storage elsewhere, of plain jobs: each call takes some turns of the event loop, so does each answer, and they overtake one
 * another. Each queue that is made in it is one process.
 */
export class PromisedStorage implements QueueStorage {
  /** Calls and answers that are under way. */
  late = 0
  readonly #store: PlainJobStore<unknown>
  readonly #owned: Limiter | undefined
  #seed = 7

  /** @param owned the limiter that this storage decides, as `terms.limiter` says */
  constructor(clock: ManualClock, terms: Partial<JobStoreTerms>, owned: Limiter | undefined) {
    this.#store = new PlainJobStore<unknown>({ clock, latency: () => this.#pass() })
    const jobs = new SharingJobs<unknown>({ ...DEFAULT_TERMS, ...terms }, () => clock.wall())
    // As a peer shares the jobs of its store.
    ;(this.#store as unknown as { share(jobs: SharingJobs<unknown>): void }).share(jobs)
    this.#owned = owned
  }

  queue<T, R>(kind: QueueKind, options: QueueOptions<T, R>): SharedQueue<T, R> {
    return sharedQueue(kind, options, this)
  }

  broadcast(): never {
    throw new Error('no broadcast is made here')
  }

  observe(): never {
    throw new Error('no queue is only looked at here')
  }

  limitOf(limiter: Limiter): LimitDeclaration | undefined {
    return limiter === this.#owned ? DECLARED : undefined
  }

  open<T>(): SharedJobStore<T> {
    const peer = this.#store.peer() as unknown as JobStore<T>
    const agreed: Declaration = {}
    return Object.assign(peer, {
      agreed,
      lastReached: undefined,
      ready: () => this.#pass(),
      redeclare: () => this.#pass(),
      leave: async (id: string, share: Share, reason: unknown) => {
        const leave = new Leave(share, reason)
        await peer.cancel(id, leave)
        return leave.answer
      },
    })
  }

  async #pass(): Promise<void> {
    this.#seed = (this.#seed * 1103515245 + 12345) % 2147483648
    this.late += 1
    for (let turns = (this.#seed >> 8) % 4; turns > 0; turns--) {
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    this.late -= 1
  }
}
