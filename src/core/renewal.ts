import type { Millis } from './duration.ts'

/** A lease is renewed this many times in a term. */
const BEATS = 3
/** A renewal that is not answered is sent again, up to this many times in a term. */
const TRIES = 12

/**
 * When a lease is to be renewed: a third of its term after the request that granted it was sent. The storage may count the term from
 * that moment on, so the time until the answer came is part of the term, and a lease that was granted late is due at once.
 */
export class Renewal {
  /** When the next request is due. */
  due: Millis
  /** When the latest request that was granted had been sent. */
  granted: Millis
  #term: Millis

  /** @param sent when the lease was asked for */
  constructor(term: Millis, sent: Millis) {
    this.#term = term
    this.granted = sent
    this.due = sent + term / BEATS
  }

  /** When the lease ends, as far as this process can be sure. */
  get end(): Millis {
    return this.granted + this.#term
  }

  /** A request is sent `now`. Until it is answered, the next one is due soon. */
  sending(now: Millis): void {
    this.due = now + this.#term / TRIES
  }

  /** The request that was sent at `sent` was granted, for `term`. Answers may overtake each other: the latest request counts. */
  answered(sent: Millis, term: Millis = this.#term): void {
    if (sent < this.granted) return
    this.#term = term
    this.granted = sent
    this.due = sent + term / BEATS
  }
}
