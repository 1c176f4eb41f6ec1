/** The numbers of the control law. Rates are per second, times in seconds. */
export interface AimdOptions {
  initialRate: number
  minRate: number
  maxRate: number
  /** Added to the rate after a good window in which the rate was needed. */
  increaseStep: number
  /** The rate is multiplied by this after too many failures. */
  decreaseFactor: number
  /** The share of failures, 0 to 1, above which the rate falls. */
  errorThreshold: number
  window: number
}

/** Fewer outcomes than this say too little to act on before the window is over. */
const ENOUGH = 10

/**
 * Additive increase, multiplicative decrease: the law by which TCP shares a network (D.-M. Chiu and R. Jain, 1989).
 *
 * It counts outcomes of calls that were let through, in epochs. When more than `errorThreshold` of them failed, the
 * rate falls at once and a new epoch begins; calls that began before it belong to the old epoch, and their failures
 * are the same news again: they count no more. When a whole window went well, and the rate was needed (callers were
 * turned away, or used half of it), it rises by one step.
 */
export class Aimd {
  rate: number
  readonly #options: AimdOptions
  #since: number
  #admitted = 0
  #turnedAway = false
  #good = 0
  #bad = 0
  /** Calls of this epoch whose outcome has not been told. */
  #open = 0
  /** The same of the epoch before. */
  #stale = 0

  constructor(options: AimdOptions, now: number) {
    this.#options = options
    this.rate = options.initialRate
    this.#since = now
  }

  /** A call was let through. */
  admit(now: number): void {
    this.#closeIfOver(now)
    this.#admitted += 1
    this.#open += 1
  }

  /** A call was turned away. Says that the rate is needed, and nothing about the other side. */
  turnAway(now: number): void {
    this.#closeIfOver(now)
    this.#turnedAway = true
  }

  /** What was let through did not go ahead after all. */
  retract(): void {
    if (this.#open === 0) return
    this.#open -= 1
    this.#admitted -= 1
  }

  /** A call that was let through ended well, or did not. What was never let through does not count. */
  outcome(good: boolean, now: number): void {
    if (this.#stale > 0) {
      // Calls end about in the order they began, so the first outcomes to come are of calls from before.
      this.#stale -= 1
    } else if (this.#open > 0) {
      this.#open -= 1
      if (good) this.#good += 1
      else this.#bad += 1
      if (this.#good + this.#bad >= ENOUGH && this.#failing()) return this.#decrease(now)
    }
    this.#closeIfOver(now)
  }

  #closeIfOver(now: number): void {
    const elapsed = now - this.#since
    if (elapsed < this.#options.window) return
    if (this.#failing()) return this.#decrease(now)
    const needed = this.#turnedAway || this.#admitted >= (this.rate * elapsed) / 2
    if (this.#good > 0 && needed) {
      this.rate = Math.min(this.#options.maxRate, this.rate + this.#options.increaseStep)
    }
    // A caller that never tells its outcomes must not pile up open calls for ever.
    const open = Math.min(this.#open, this.#admitted)
    this.#begin(now)
    this.#open = open
  }

  #failing(): boolean {
    return this.#bad > this.#options.errorThreshold * (this.#good + this.#bad)
  }

  #decrease(now: number): void {
    this.rate = Math.max(this.#options.minRate, this.rate * this.#options.decreaseFactor)
    const open = this.#open
    this.#begin(now)
    this.#stale = open
  }

  #begin(now: number): void {
    this.#since = now
    this.#admitted = 0
    this.#turnedAway = false
    this.#good = 0
    this.#bad = 0
    this.#open = 0
    this.#stale = 0
  }
}
