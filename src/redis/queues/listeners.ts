import type { StoreListener } from '../../queues/store/job-store.ts'

/** The listeners of one store. */
export class Listeners {
  readonly #all = new Set<{ readonly listener: StoreListener }>()

  /** Calls `listener` for each event, until the returned function is called. */
  add(listener: StoreListener): () => void {
    const own = { listener }
    this.#all.add(own)
    return () => {
      this.#all.delete(own)
    }
  }

  tell<K extends keyof StoreListener>(
    what: K,
    ...args: Parameters<NonNullable<StoreListener[K]>>
  ): void {
    for (const { listener } of [...this.#all]) {
      // biome-ignore lint/suspicious/noExplicitAny: the arguments belong to `what`.
      ;(listener[what] as ((...all: any[]) => void) | undefined)?.(...args)
    }
  }

  clear(): void {
    this.#all.clear()
  }
}
