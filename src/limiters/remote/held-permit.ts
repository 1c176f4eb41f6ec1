import type { Millis } from '../../core/duration.ts'
import { Renewal } from '../../core/renewal.ts'
import type { Renewed } from '../../core/renewal-timer.ts'

/** Permits have random numbers of this many bits: two permits in use practically never have the same. */
const ID_BITS = 48

/** Permits that were taken together: a lease in the storage under one number, which this process renews. */
export class HeldPermit implements Renewed {
  place = 0
  readonly id: number = Math.floor(Math.random() * 2 ** ID_BITS) + 1
  readonly key: string
  tokens: number
  readonly renewal: Renewal
  /** True after it was given back in this process; the storage may not know it yet. */
  returned = false
  readonly #tend: (permit: HeldPermit, now: Millis) => void

  /** @param sent the time of the request */
  constructor(
    key: string,
    tokens: number,
    term: Millis,
    sent: Millis,
    tend: (permit: HeldPermit, now: Millis) => void,
  ) {
    this.key = key
    this.tokens = tokens
    this.renewal = new Renewal(term, sent)
    this.#tend = tend
  }

  get due(): Millis {
    return this.renewal.due
  }

  tend(now: Millis): void {
    this.#tend(this, now)
  }
}
