import type { Attempt } from './attempt.ts'

/** The attempts whose handlers run. Each knows its seat, and one that leaves gives it to the last one. */
export class RunningAttempts implements Iterable<Attempt> {
  size = 0
  readonly #seats: Attempt[] = []

  add(attempt: Attempt): void {
    this.size += 1
    attempt.seat = this.#seats.push(attempt) - 1
  }

  has(attempt: Attempt): boolean {
    return attempt.seat >= 0 && this.#seats[attempt.seat] === attempt
  }

  /** Does nothing for one that is not here. */
  remove(attempt: Attempt): void {
    if (!this.has(attempt)) return
    this.size -= 1
    const last = this.#seats.pop() as Attempt
    if (last !== attempt) {
      this.#seats[attempt.seat] = last
      last.seat = attempt.seat
    }
    attempt.seat = -1
  }

  [Symbol.iterator](): Iterator<Attempt> {
    return [...this.#seats].values()
  }
}
