import { mustLie } from '../core/check.ts'
import type { Cancel, Clock } from '../core/clock.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'

interface Timer {
  readonly due: Millis
  readonly run: () => void
}

/**
 * A clock for tests. It stands still until `advance` moves it, and runs the timers whose time it passes. Counts in whole microseconds.
 *
 * @example
 * const clock = new ManualClock()
 * const limiter = LimiterFactory.tokenBucket({ rate: 1, clock })
 * limiter.allow() // true
 * limiter.allow() // false
 * clock.advance('1s')
 * limiter.allow() // true
 */
export class ManualClock implements Clock {
  #micros: number
  #date: Millis = 0
  #timers: Timer[] = []

  /** @param start the time at which it starts */
  constructor(start: Duration = 0) {
    this.#micros = Math.round(toMillis('start', start) * 1000)
  }

  now(): Millis {
    return this.#micros / 1000
  }

  after(delay: Millis, run: () => void): Cancel {
    const timer = { due: this.now() + Math.max(0, delay), run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** The date, in milliseconds since 1970. It moves with the clock and jumps with {@link setWall}; it begins in 1970. */
  wall(): Millis {
    return this.#date + this.now()
  }

  /** Sets the date and does not move the clock, as when an operator sets the date. */
  setWall(date: Date | string | Millis): void {
    const time = new Date(date).getTime()
    mustLie(Number.isFinite(time), 'date', 'be a valid date', date)
    this.#date = time - this.now()
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.length
  }

  /**
   * Moves the clock by `duration`, and runs the timers that become due, each at its time. A negative number of seconds moves it back and
   * runs no timer.
   */
  advance(duration: Duration): void {
    const back = typeof duration === 'number' && duration < 0
    const micros = Math.round(
      (back ? -toMillis('duration', -duration) : toMillis('duration', duration)) * 1000,
    )
    const target = this.#micros + micros
    for (let timer = this.#next(target); timer !== undefined; timer = this.#next(target)) {
      this.#run(timer)
    }
    this.#micros = target
  }

  /** As {@link advance}, and lets code that awaits a timer run before the next timer is due. */
  async advanceAsync(duration: Duration): Promise<void> {
    const target = this.#micros + Math.round(toMillis('duration', duration) * 1000)
    await settled()
    for (let timer = this.#next(target); timer !== undefined; timer = this.#next(target)) {
      this.#run(timer)
      await settled()
    }
    this.#micros = target
    await settled()
  }

  #next(target: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.due * 1000 <= target + 1e-3 && (next === undefined || timer.due < next.due))
        next = timer
    }
    return next
  }

  #run(timer: Timer): void {
    this.#timers = this.#timers.filter((other) => other !== timer)
    this.#micros = Math.max(this.#micros, Math.ceil(timer.due * 1000 - 1e-3))
    timer.run()
  }
}

/** Waits until all promises that are ready have run. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else setTimeout(resolve, 0)
  })
}
