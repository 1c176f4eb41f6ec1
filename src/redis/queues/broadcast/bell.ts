import { systemClock } from '../../../core/clock.ts'
import type { Millis } from '../../../core/duration.ts'

/** Wakes one loop that waits for a message, or until it is time to look without one. */
export class Bell {
  #rung = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Resolves when the bell was rung since the last wait, or after `longest`. */
  wait(longest: Millis): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel?.()
        this.#wake = undefined
        this.#rung = false
        resolve()
      }
      const cancel = this.#rung ? undefined : systemClock.after?.(longest, done)
      if (this.#rung) done()
      else this.#wake = done
    })
  }
}
