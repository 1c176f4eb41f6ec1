import { type Clock, systemClock } from './clock.ts'
import { macrotask } from './macrotask.ts'

/** How long jobs may start one after the other without a look at timers and I/O, in milliseconds. */
const SLICE = 5
/** A job that takes less than this is done sooner than put off, in milliseconds. */
const TRIFLE = 0.002
/** At most so many starts between two looks at the clock. */
const FURTHEST = 16

/**
 * Lets the event loop breathe. Jobs that end at once, or in microtasks, would otherwise all run before any timer.
 *
 * A mark is sent through the event loop when jobs begin to start; if it has not come round after a slice of time, it is
 * time to let go. Looking at the clock costs as much as starting a job, so where jobs are short only every 16th looks.
 */
export class EventLoopPace {
  readonly #timeless: boolean
  #untilLook = 1
  #stride = 1
  #began = 0
  #looked = 0
  #marked = false
  #heavy = 0

  constructor(clock: Clock) {
    // A clock with timers of its own is moved by hand: there, nothing may depend on how fast this machine is.
    this.#timeless = clock.after !== undefined && clock.after !== systemClock.after
  }

  /**
   * True when it is time to let go of the thread. To be asked before each start.
   *
   * @param backlog true when other jobs wait; false when there is only the job that was put just now
   */
  spent(backlog: boolean): boolean {
    this.#untilLook -= 1
    return this.#untilLook <= 0 && !this.#timeless && this.#look(backlog)
  }

  #look(backlog: boolean): boolean {
    const now = performance.now()
    if (!this.#marked) {
      this.#marked = true
      this.#began = now
      this.#mark()
    } else if (now - this.#looked > 1) this.#stride = 1
    else if (this.#stride < FURTHEST) this.#stride *= 2
    // A pause of the garbage collector makes one look long, not three in a row.
    this.#heavy = now - this.#looked < TRIFLE * this.#stride ? 0 : this.#heavy + 1
    this.#looked = now
    this.#untilLook = this.#stride
    return now - this.#began > SLICE && (backlog || this.#heavy > 2)
  }

  /** Apart from {@link #look}, so that a look that sends no mark costs no closure. */
  #mark(): void {
    macrotask(() => {
      this.#marked = false
    })
  }
}
