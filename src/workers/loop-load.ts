interface Utilization {
  idle: number
  active: number
  utilization: number
}

type Measure = (now?: Utilization, before?: Utilization) => Utilization

/** What part of the time the event loop is busy; 0 where the runtime cannot tell. */
export class LoopLoad {
  readonly #measure: Measure | undefined = (
    performance as { eventLoopUtilization?: Measure }
  ).eventLoopUtilization?.bind(performance)
  #before: Utilization | undefined = this.#measure?.()
  /** As sampled last. */
  last = 0

  /** Since the last sample. */
  sample(): number {
    if (this.#measure === undefined) return 0
    const now = this.#measure()
    this.last = this.#measure(now, this.#before).utilization
    this.#before = now
    return this.last
  }
}
