/** Work in the background that no caller awaits. Its failures are ignored. */
export class BackgroundTasks {
  readonly #running = new Set<Promise<void>>()

  add(work: Promise<unknown>): void {
    const end = () => {
      this.#running.delete(done)
    }
    const done: Promise<void> = work.then(end, end)
    this.#running.add(done)
  }

  /** Resolves when no work is under way any more, also none that other work has started. */
  async done(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
