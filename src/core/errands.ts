/** Work in the background that no caller awaits. A failure of it is nobody's concern. */
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
