import { macrotask } from '../core/macrotask.ts'

/** How long jobs may start one after the other without a look at timers and I/O, in milliseconds. */
const SLICE = 5
/** At most so many starts between two looks at the clock. */
const FURTHEST = 16

/**
 * Lets the event loop breathe. Jobs that end at once, or in microtasks, would otherwise all run before any timer.
 *
 * A mark is sent through the event loop when jobs begin to start; if it has not come round after a slice of time, it is
 * time to let go. Looking at the clock costs as much as starting a job, so where jobs are short only every 16th looks.
 */
export class Pace {
  #untilLook = 1
  #stride = 1
  #began = 0
  #looked = 0
  #marked = false

  /** Is it time to let go of the thread? To be asked before each start. */
  spent(): boolean {
    this.#untilLook -= 1
    return this.#untilLook <= 0 && this.#look()
  }

  #look(): boolean {
    const now = performance.now()
    if (!this.#marked) {
      this.#marked = true
      this.#began = now
      macrotask(() => {
        this.#marked = false
      })
    } else if (now - this.#looked > 1) this.#stride = 1
    else if (this.#stride < FURTHEST) this.#stride *= 2
    this.#looked = now
    this.#untilLook = this.#stride
    return now - this.#began > SLICE
  }
}
