import { at, type Cancel, type Clock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import type { SlotClaim } from './slot-keeper.ts'

/** Renewed so many times in a term. */
const BEATS = 3

/** Keeps a slot that was taken for as long as it is run, and says when another process may have it all the same. */
export class Heartbeat {
  readonly #claim: SlotClaim
  readonly #term: Millis
  readonly #clock: Clock
  readonly #onLost: () => void
  readonly #onError: (error: unknown) => void
  #cancel: Cancel | undefined
  /** When the latest renewal that was answered was sent. */
  #renewed: Millis
  #over = false

  /** @param taken when the slot was asked for */
  constructor(
    claim: SlotClaim,
    term: Millis,
    taken: Millis,
    clock: Clock,
    onLost: () => void,
    onError: (error: unknown) => void,
  ) {
    this.#claim = claim
    this.#term = term
    this.#clock = clock
    this.#renewed = taken
    this.#onLost = onLost
    this.#onError = onError
    this.#arm()
  }

  /** The run has ended: nobody is to run it again. Resolves when that was tried once. */
  async finish(): Promise<void> {
    this.#over = true
    this.#cancel?.()
    await this.#mark()
  }

  async #mark(): Promise<void> {
    try {
      await this.#claim.finish()
    } catch (error) {
      this.#onError(error)
      // While the sign of life lasts, nobody takes it for dead.
      if (this.#isLost()) return
      this.#cancel = at(this.#clock, this.#next(), () => void this.#mark())
    }
  }

  #arm(): void {
    this.#cancel = at(this.#clock, this.#next(), () => void this.#beat())
  }

  #next(): Millis {
    return this.#clock.now() + this.#term / BEATS
  }

  async #beat(): Promise<void> {
    // Too late already, if the process stood still.
    if (this.#isLost()) return this.#lose()
    const sent = this.#clock.now()
    this.#arm()
    try {
      await this.#claim.renew()
      this.#renewed = Math.max(this.#renewed, sent)
    } catch (error) {
      if (!this.#over) this.#onError(error)
    }
  }

  #isLost(): boolean {
    return this.#clock.now() - this.#renewed >= this.#term
  }

  #lose(): void {
    if (this.#over) return
    this.#over = true
    this.#cancel?.()
    this.#onLost()
  }
}
