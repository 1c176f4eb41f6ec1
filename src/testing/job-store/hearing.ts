import type { Millis } from '../../core/duration.ts'
import type { JobStore, Outcome, StoreListener } from '../../queues/store/job-store.ts'

/** How long a law waits between two looks whether a hint has come. */
const BETWEEN: Millis = 5

/** What a store has told since the hearing began. */
export class Hearing {
  available = 0
  room = 0
  readonly settled: Map<string, Outcome> = new Map()
  readonly cancelled: { id: string; delivery: number; reason: unknown }[] = []
  readonly lost: { id: string; delivery: number }[] = []
  readonly paused: boolean[] = []
  readonly end: () => void
  readonly #patience: Millis

  /** @param patience how long a hint may take, by the clock of this machine */
  constructor(store: JobStore, patience: Millis) {
    this.#patience = patience
    // The methods of a listener may be those of its class: none is a property of its own.
    this.end = store.watch(Object.create(this.#methods()))
  }

  #methods(): StoreListener {
    return {
      available: () => {
        this.available += 1
      },
      room: () => {
        this.room += 1
      },
      settled: (id, outcome) => {
        this.settled.set(id, outcome)
      },
      cancelled: (id, delivery, reason) => {
        this.cancelled.push({ id, delivery, reason })
      },
      lost: (id, delivery) => {
        this.lost.push({ id, delivery })
      },
      paused: (paused) => {
        this.paused.push(paused)
      },
    }
  }

  /** Waits until something was told: at once in this process, a moment later from elsewhere. */
  async until(what: string, told: () => boolean): Promise<void> {
    if (!(await this.#comes(told, this.#patience))) throw new Error(`not told: ${what}`)
  }

  /** Does `act` until something was told: a hint is lost where a process has not yet begun to listen. */
  async untilRepeated(what: string, act: () => Promise<void>, told: () => boolean): Promise<void> {
    for (let times = 0; times < 10; times++) {
      await act()
      if (await this.#comes(told, this.#patience / 10)) return
    }
    throw new Error(`not told: ${what}`)
  }

  async #comes(told: () => boolean, patience: Millis): Promise<boolean> {
    // In this process a hint has come when the call has returned; the first looks do not wait for a timer.
    for (let look = 0; look < 10 + patience / BETWEEN; look++) {
      if (told()) return true
      await new Promise((resolve) => setTimeout(resolve, look < 10 ? 0 : BETWEEN))
    }
    return false
  }
}
