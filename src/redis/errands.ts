/** What is under way and nobody waits for, until somebody does. How it ends is nobody's concern. */
export class Errands {
  readonly #running = new Set<Promise<void>>()

  add(work: Promise<unknown>): void {
    const end = () => {
      this.#running.delete(done)
    }
    const done: Promise<void> = work.then(end, end)
    this.#running.add(done)
  }

  /** Resolves when none is under way any more, those included that have come of others meanwhile. */
  async done(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
