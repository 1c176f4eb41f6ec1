import type { Millis } from '../../../src/core/duration.ts'
import type { Limiter } from '../../../src/index.ts'
import type { SharedQueue } from '../../../src/queues/queue.ts'
import type { QueueKind, QueueOptions } from '../../../src/queues/queue-options.ts'
import { sharedQueue } from '../../../src/queues/shared-factory.ts'
import type {
  JobDraft,
  JobStore,
  Room,
  StoreListener,
} from '../../../src/queues/store/job-store.ts'
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
import { EarlyNews } from './early-news.ts'
import { SharingJobs, Wish } from './sharing-jobs.ts'

/** How the storage knows a limiter that it decides itself. */
const DECLARED: LimitDeclaration = {
  kind: 'permits',
  scope: 'model',
  params: {},
  capacity: 1000,
  keyed: true,
}

const RELEASED = { outcome: 'released', delay: 0 } as const

/**
 * A storage elsewhere, of plain jobs: each call takes some turns of the event loop, so does each answer, and they overtake one
 * another. Each queue that is made in it is one process.
 */
export class PromisedStorage implements QueueStorage {
  /** Calls and answers that are under way. */
  late = 0
  readonly #store: PlainJobStore<unknown>
  readonly #owned: Limiter | undefined
  readonly #clock: ManualClock
  readonly #agreed: Declaration
  #seed = 7

  /** @param owned the limiter that this storage decides, as `terms.limiter` says */
  constructor(clock: ManualClock, terms: Partial<JobStoreTerms>, owned: Limiter | undefined) {
    this.#store = new PlainJobStore<unknown>({ clock, latency: () => this.#pass() })
    const jobs = new SharingJobs<unknown>({ ...DEFAULT_TERMS, ...terms }, () => clock.wall())
    // As a peer shares the jobs of its store.
    ;(this.#store as unknown as { share(jobs: SharingJobs<unknown>): void }).share(jobs)
    this.#owned = owned
    this.#clock = clock
    this.#agreed = terms.maxDeliveries === undefined ? {} : { maxDeliveries: terms.maxDeliveries }
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
    const { insert, claim, cancel, outcome, watch } = peer
    const news = new EarlyNews()
    return Object.assign(peer, {
      agreed: this.#agreed,
      lastReached: undefined,
      ready: () => this.#pass(),
      redeclare: () => this.#pass(),
      insert: (drafts: readonly JobDraft<T>[], room: Room) =>
        news.puts(drafts, async () => insert.call(peer, drafts, room)),
      claim: async (max: number, lease: Millis) => {
        const asked = this.#clock.now()
        const claims = await claim.call(peer, max, lease)
        if (this.#clock.now() - asked < lease) return claims
        // Another process may have these jobs by now.
        void peer.settle(claims.map((each) => ({ claim: each, ending: RELEASED })))
        return []
      },
      cancel: (id: string, reason: unknown, at?: number) =>
        cancel.call(peer, id, new Wish(reason, at)),
      leave: async (id: string, share: Share, reason: unknown, at?: number) => {
        const wish = new Wish(reason, at, share)
        await cancel.call(peer, id, wish)
        return wish.answer
      },
      outcome: async (id: string) => {
        news.wanted(id, 0)
        return outcome.call(peer, id)
      },
      watch: (listener: StoreListener) => watch.call(peer, news.filter(listener)),
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
