import type { HandlerCall } from '../consume/consumer.ts'
import type { WorkerSlots } from '../consume/worker-slots.ts'
import type { LocalJob } from '../store/local-job.ts'

/** The handlers of a queue that wait for room in it, for as long as it takes: their workers do nothing else meanwhile. */
export class Insiders {
  readonly #slots: WorkerSlots
  /** The handlers that wait for each job that is offered. */
  readonly #offers = new Map<LocalJob, readonly HandlerCall[]>()
  /** For how many jobs each handler waits. */
  readonly #handlers = new Map<HandlerCall, number>()

  constructor(slots: WorkerSlots) {
    this.#slots = slots
  }

  /** True when at least `able` handlers wait. @param more a handler that is about to wait, and counts as one of them */
  reach(able: number, more?: HandlerCall): boolean {
    if (this.#countWith(more) < able) return false
    // A handler may have ended without awaiting its put.
    for (const handler of this.#handlers.keys()) {
      if (!this.#slots.isUnderWay(handler)) this.#handlers.delete(handler)
    }
    return this.#countWith(more) >= able
  }

  add(job: LocalJob, handler: HandlerCall): void {
    this.#offers.set(job, [...(this.#offers.get(job) ?? []), handler])
    this.#handlers.set(handler, (this.#handlers.get(handler) ?? 0) + 1)
  }

  /** No handler waits for this job any more. */
  delete(job: LocalJob): void {
    const handlers = this.#offers.get(job)
    if (handlers === undefined) return
    this.#offers.delete(job)
    for (const handler of handlers) {
      const jobs = this.#handlers.get(handler)
      if (jobs === 1) this.#handlers.delete(handler)
      else if (jobs !== undefined) this.#handlers.set(handler, jobs - 1)
    }
  }

  /** The job for which a handler waits that has come last; `undefined` where none waits. */
  last(): LocalJob | undefined {
    return [...this.#offers.keys()].findLast((job) =>
      this.#offers.get(job)?.some((handler) => this.#handlers.has(handler)),
    )
  }

  #countWith(more: HandlerCall | undefined): number {
    const counted = more === undefined || this.#handlers.has(more)
    return this.#handlers.size + (counted ? 0 : 1)
  }
}
