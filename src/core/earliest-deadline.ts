import { at, type Cancel, type Clock } from './clock.ts'
import type { Millis } from './duration.ts'

/** A moment that may be moved to an earlier one and never to a later one: a second call of `stop` may give a shorter deadline. */
export class EarliestDeadline {
  /** Resolves when the moment has come. */
  readonly reached: Promise<void>
  /** True when the moment has come. */
  over = false
  readonly #clock: Clock
  #resolve!: () => void
  #due: Millis = Infinity
  #cancel: Cancel | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.reached = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  /** The moment is in `delay`, or earlier where that was said before. `Infinity` says nothing. */
  within(delay: Millis): void {
    const due = this.#clock.now() + delay
    if (this.over || due >= this.#due) return
    this.#due = due
    this.#cancel?.()
    if (delay === 0) this.#end()
    else this.#cancel = at(this.#clock, due, () => this.#end())
  }

  /** The deadline is not wanted any more. */
  cancel(): void {
    this.#cancel?.()
  }

  #end(): void {
    this.over = true
    this.#resolve()
  }
}
