import type { Millis } from '../../core/duration.ts'

/** With a smaller demand in one `lease`, a token lease saves no trip. */
const LEAST = 2
const MOST_BOOST = 8
const LEAST_BOOST = 1 / 16

/**
 * The demand for one key, in tokens per `lease`: a mean over the last few leases, and at least the demand of the present one. It is the
 * size of the next token lease, made larger or smaller when token leases turn out too small or too large.
 */
export class Demand {
  readonly #lease: Millis
  #asked = 0
  #since: Millis
  #mean = 0
  #boost = 1

  constructor(lease: Millis, now: Millis) {
    this.#lease = lease
    this.#since = now
  }

  /** The beginning of the present `lease`. */
  get since(): Millis {
    return this.#since
  }

  count(cost: number, now: Millis): void {
    if (now - this.#since >= this.#lease) this.#roll(now)
    this.#asked += cost
  }

  /** How large the next token lease should be, by the demand so far; 0 for none. */
  size(now: Millis): number {
    if (now - this.#since >= this.#lease) this.#roll(now)
    const size = Math.floor(Math.max(this.#mean, this.#asked) * this.#boost)
    return size < LEAST ? 0 : size
  }

  /** A token lease was spent before half its time was over. */
  wasShort(): void {
    this.#boost = Math.min(MOST_BOOST, this.#boost * 2)
  }

  /** More than half of a token lease was left when its time was over. */
  wasLong(): void {
    this.#boost = Math.max(LEAST_BOOST, this.#boost / 2)
  }

  #roll(now: Millis): void {
    const leases = (now - this.#since) / this.#lease
    const sample = this.#asked / leases
    // A sample of a long time weighs more than a sample of a short time.
    if (this.#mean === 0) this.#mean = sample
    else this.#mean += (1 - Math.exp(-leases / 2)) * (sample - this.#mean)
    this.#asked = 0
    this.#since = now
    // Where token leases came too late to be of use, a small one shows now and then whether they still do.
    if (this.#boost < 1) this.#boost = Math.min(1, this.#boost * 1.25)
  }
}
