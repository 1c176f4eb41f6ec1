import type {
  Inserted,
  JobDraft,
  Outcome,
  StoreListener,
} from '../../../src/queues/store/job-store.ts'

/**
 * What one process hears of results. News of a job whose put has not been answered yet is told with that answer and in no other way,
 * and news of a job whose result nobody here asked for is not told: as a store over Redis does it.
 */
export class EarlyNews {
  /** Jobs whose result is wanted, and since when. */
  readonly #wanted = new Map<string, number>()
  /** News that came while a put was under way. */
  readonly #early = new Map<string, { readonly outcome: Outcome; readonly at: number }>()
  #putting = 0

  /** Puts drafts, and adds to the answer how their jobs have ended meanwhile. */
  async puts(
    drafts: readonly JobDraft<unknown>[],
    put: () => Promise<Inserted[]>,
  ): Promise<Inserted[]> {
    if (!drafts.some(({ awaited }) => awaited)) return put()
    this.#putting += 1
    try {
      const inserted = await put()
      return inserted.map((each, i) => {
        if (drafts[i]?.awaited !== true || each.state === 'full') return each
        const { id, at = 0 } = each
        const early = this.#early.get(id)
        if (early !== undefined && early.at >= at) return { ...each, outcome: early.outcome }
        this.wanted(id, at)
        return each
      })
    } finally {
      this.#putting -= 1
      if (this.#putting === 0) this.#early.clear()
    }
  }

  /** From now on it is told how that job ends. */
  wanted(id: string, since: number): void {
    this.#wanted.set(id, Math.max(since, this.#wanted.get(id) ?? 0))
  }

  /** A listener that is told no more than that. */
  filter(listener: StoreListener): StoreListener {
    const settled = (id: string, outcome: Outcome, at = Infinity): void => {
      if (this.#putting > 0) this.#early.set(id, { outcome, at })
      const since = this.#wanted.get(id)
      if (since === undefined) return
      if (at >= since) this.#wanted.delete(id)
      listener.settled?.(id, outcome, at)
    }
    return new Proxy(listener, {
      get: (target, name) => {
        if (name === 'settled') return settled
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
}
