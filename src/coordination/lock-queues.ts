import { ByName } from './by-name.ts'

/** A queue, as far as the registry knows it. */
export interface WaitingQueue {
  readonly names: readonly string[]
  /** A lease of one of the names was given back, or lost, in this process. */
  freedHere(): void
}

/** The queues of one process in which callers wait for locks: one for each lock, and one for each set of locks that a caller wants together. */
export class LockQueues {
  readonly #single = new ByName<WaitingQueue>()
  /** The queues for several names; the key is all of their names, joined. */
  readonly #joint = new Map<string, WaitingQueue>()
  /** For each name, the queues for several names that include it. */
  readonly #jointOf = new Map<string, Set<WaitingQueue>>()

  /** The queue for exactly these names, where a caller waits for them. */
  find(names: readonly string[]): WaitingQueue | undefined {
    if (names.length === 1) return this.#single.get(names[0] as string)
    return this.#joint.get(JSON.stringify(names))
  }

  add(queue: WaitingQueue): void {
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
  delete(queue: WaitingQueue): void {
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
