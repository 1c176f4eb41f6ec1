import { at, type Cancel, type Clock, isDue } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { Renewal } from '../core/renewal.ts'
import type { SlotClaim } from './slot-keeper.ts'

/** Renews the claim of a slot while its run goes on, and tells when the claim is lost, because another process may have the slot then. */
export class Heartbeat {
  readonly #claim: SlotClaim
  readonly #renewal: Renewal
  readonly #clock: Clock
  readonly #onLost: () => void
  readonly #onError: (error: unknown) => void
  #cancel: Cancel | undefined
  #over = false

  /** @param taken when the claim was requested */
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

  /** The run has ended: marks the slot, so that no process runs it again. Resolves after one attempt to write the mark. */
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
      // Tries again as long as the claim lasts: until then no other process takes the slot over.
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
    // The process may have stood still for longer than the claim lasts.
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
