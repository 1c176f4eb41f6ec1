interface Utilization {
  idle: number
  active: number
  utilization: number
}

type Measure = (now?: Utilization, before?: Utilization) => Utilization

/** The share of the time in which the event loop is busy; 0 when the runtime does not tell. */
export class LoopLoad {
  readonly #measure: Measure | undefined = (
    performance as { eventLoopUtilization?: Measure }
  ).eventLoopUtilization?.bind(performance)
  #before: Utilization | undefined = this.#measure?.()
  /** The last sample. */
  last = 0

  /** The share since the last sample. */
  sample(): number {
    if (this.#measure === undefined) return 0
    const now = this.#measure()
    this.last = this.#measure(now, this.#before).utilization
    this.#before = now
    return this.last
  }
}
