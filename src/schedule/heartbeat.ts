import { at, type Cancel, type Clock, isDue } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { Renewal } from '../core/renewal.ts'
import type { SlotClaim } from './slot-keeper.ts'

/** Keeps a slot that was taken for as long as it is run, and says when another process may have it all the same. */
export class Heartbeat {
  readonly #claim: SlotClaim
  readonly #renewal: Renewal
  readonly #clock: Clock
  readonly #onLost: () => void
  readonly #onError: (error: unknown) => void
  #cancel: Cancel | undefined
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
    this.#renewal = new Renewal(term, taken)
    this.#clock = clock
    this.#onLost = onLost
    this.#onError = onError
    this.#arm()
  }

  /** The run has ended: no process may run it again. Resolves when one attempt to write that has ended. */
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
      // While the sign of life lasts, no other process takes this one for dead.
      if (this.#isLost()) return
      this.#renewal.sending(this.#clock.now())
      this.#cancel = at(this.#clock, this.#renewal.due, () => void this.#mark())
    }
  }

  #arm(): void {
    this.#cancel?.()
    const due = Math.min(this.#renewal.due, this.#renewal.end)
    this.#cancel = at(this.#clock, due, () => void this.#beat())
  }

  async #beat(): Promise<void> {
    // Too late already, if the process stood still.
    if (this.#isLost()) return this.#lose()
    const sent = this.#clock.now()
    this.#renewal.sending(sent)
    this.#arm()
    try {
      await this.#claim.renew()
      this.#renewal.answered(sent)
      if (!this.#over) this.#arm()
    } catch (error) {
      if (!this.#over) this.#onError(error)
    }
  }

  #isLost(): boolean {
    return isDue(this.#renewal.end, this.#clock.now())
  }

  #lose(): void {
    if (this.#over) return
    this.#over = true
    this.#cancel?.()
    this.#onLost()
  }
}
