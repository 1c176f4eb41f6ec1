import { ByName } from './by-name.ts'
import type { RequestQueue } from './lock-request.ts'

/** The queues of one process in which callers wait for locks: one for each lock, and one for each set of locks that is waited for together. */
export class LockQueues {
  readonly #single = new ByName<RequestQueue>()
  /** The queues for several names, by all of them. */
  readonly #joint = new Map<string, RequestQueue>()
  /** For each name, the queues for several names with it among them. */
  readonly #jointOf = new Map<string, Set<RequestQueue>>()

  /** The queue for exactly these names, where a caller waits for them. */
  find(names: readonly string[]): RequestQueue | undefined {
    if (names.length === 1) return this.#single.get(names[0] as string)
    return this.#joint.get(JSON.stringify(names))
  }

  add(queue: RequestQueue): void {
    const { names } = queue
    if (names.length === 1) return this.#single.set(names[0] as string, queue)
    this.#joint.set(JSON.stringify(names), queue)
    for (const name of names) {
      const joint = this.#jointOf.get(name)
      if (joint === undefined) this.#jointOf.set(name, new Set([queue]))
      else joint.add(queue)
    }
  }

  /** No caller waits in this queue any more. */
  delete(queue: RequestQueue): void {
    const { names } = queue
    if (names.length === 1) return this.#single.delete(names[0] as string)
    this.#joint.delete(JSON.stringify(names))
    for (const name of names) {
      const joint = this.#jointOf.get(name)
      joint?.delete(queue)
      if (joint?.size === 0) this.#jointOf.delete(name)
    }
  }

  /** Tells the queues for these names that a lease has come free in this process. */
  freed(names: readonly string[]): void {
    for (const name of names) {
      this.#single.get(name)?.freedHere()
      if (this.#jointOf.size === 0) continue
      const joint = this.#jointOf.get(name)
      if (joint !== undefined) for (const queue of [...joint]) queue.freedHere()
    }
  }
}
