import { at, type Cancel, type Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { Claim } from '../store/job-store.ts'

/**
 * The one suspect of this process: a job that the next lost claim ends. It is worked alone. So a job that kills its process takes no
 * neighbour along, and a neighbour's crash does not end the suspect.
 *
 * The suspect waits until the jobs that run here have ended, and no other job begins while it runs. Each of both waits lasts for
 * `patience` at most: a job of an hour holds up neither the suspect nor the others for an hour.
 */
export class Quarantine {
  readonly #clock: Clock
  readonly #patience: Millis
  /** Called when the suspect may begin although others run, and when others may begin although it runs. */
  readonly #changed: () => void
  #suspect: { readonly claim: Claim; readonly since: Millis; begun: boolean } | undefined
  #impatient = false
  #timer: Cancel | undefined

  constructor(clock: Clock, patience: Millis, changed: () => void) {
    this.#clock = clock
    this.#patience = patience
    this.#changed = changed
  }

  /** True when there is a suspect: then nothing else may begin. */
  get closed(): boolean {
    return this.#suspect !== undefined
  }

  /** The suspect while it has not begun. */
  get pending(): Claim | undefined {
    return this.#suspect?.begun === false ? this.#suspect.claim : undefined
  }

  get since(): Millis | undefined {
    return this.#suspect?.since
  }

  /** True when the suspect may begin. `alone`: nothing else runs here. */
  mayBegin(alone: boolean): boolean {
    return this.pending !== undefined && (alone || this.#impatient)
  }

  enter(claim: Claim): void {
    this.#suspect = { claim, since: this.#clock.now(), begun: false }
    this.#wait(() => {
      this.#impatient = true
      this.#changed()
    })
  }

  begin(): void {
    if (this.#suspect !== undefined) this.#suspect.begun = true
    this.#wait(() => this.#open())
  }

  /** A claim has ended. */
  ended(claim: Claim): void {
    if (this.#suspect?.claim === claim) this.#open()
  }

  close(): void {
    this.#timer?.()
    this.#timer = undefined
    this.#suspect = undefined
  }

  #open(): void {
    this.close()
    this.#changed()
  }

  #wait(over: () => void): void {
    this.#timer?.()
    this.#impatient = false
    this.#timer = at(this.#clock, this.#clock.now() + this.#patience, over)
  }
}
