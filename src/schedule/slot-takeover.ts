import { at, type Cancel, isDue } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import type { JobContext } from './job-context.ts'
import type { SlotClaim, SlotHeirs } from './slot-keeper.ts'

/** The job that runs the slots that were taken over. */
export interface Successor {
  /** True when one more run may start now. */
  ready(): boolean
  /** Runs a slot that was taken over. @param taken when the claim was requested */
  inherit(slot: Millis, claim: SlotClaim, taken: Millis): void
  report(error: unknown): void
}

/**
 * Watches slots of one job that other processes have taken: asks about each once in a while until it is done, and takes it over when
 * the process has died. One timer for all slots.
 */
export class SlotTakeover {
  readonly #job: string
  readonly #heirs: SlotHeirs
  readonly #keeps: Millis
  readonly #context: JobContext
  readonly #successor: Successor
  /** When to ask about each slot. */
  readonly #watched = new Map<Millis, Millis>()
  #cancel: Cancel | undefined
  #looking = false
  #open = false
  /** How many times `end` was called. An answer to a question from before the last `end` is not used. */
  #lives = 0

  constructor(
    job: string,
    heirs: SlotHeirs,
    keeps: Millis,
    context: JobContext,
    successor: Successor,
  ) {
    this.#job = job
    this.#heirs = heirs
    this.#keeps = keeps
    this.#context = context
    this.#successor = successor
  }

  /** Allows to take over slots from now on. */
  begin(): void {
    this.#open = true
  }

  /** Watches a slot that another process has taken. */
  watch(slot: Millis): void {
    // The storage may answer after `end`.
    if (!this.#open) return
    this.#watched.set(slot, this.#context.clock.now() + this.#heirs.term)
    this.#arm()
  }

  end(): void {
    this.#open = false
    this.#lives += 1
    this.#watched.clear()
    this.#cancel?.()
    this.#cancel = undefined
  }

  #arm(): void {
    if (this.#cancel !== undefined || this.#looking) return
    // Slots are watched in order; a slot that could not be taken moves to the end.
    const [due] = this.#watched.values()
    if (due === undefined) return
    this.#cancel = at(this.#context.clock, due, () => {
      this.#cancel = undefined
      this.#looking = true
      void this.#look().then(() => {
        this.#looking = false
        this.#arm()
      })
    })
  }

  /** Asks about the slots that are due, one after the other. Does not reject. */
  async #look(): Promise<void> {
    const { clock, wall } = this.#context
    const life = this.#lives
    for (const [slot, due] of [...this.#watched]) {
      const now = clock.now()
      if (!isDue(due, now) || this.#watched.get(slot) !== due) continue
      this.#watched.delete(slot)
      // The storage forgets slots, and a forgotten slot looks as if it was never taken.
      if (wall() - slot > this.#keeps) continue
      const answer = this.#successor.ready() ? await this.#ask(slot) : 'held'
      if (life !== this.#lives) {
        if (typeof answer === 'object') await answer.giveUp().catch(this.#successor.report)
      } else if (answer === 'held') this.#watched.set(slot, now + this.#heirs.term)
      else if (answer !== 'done') this.#successor.inherit(slot, answer, now)
    }
  }

  async #ask(slot: Millis): Promise<SlotClaim | 'done' | 'held'> {
    try {
      return await this.#heirs.inherit(this.#job, slot)
    } catch (error) {
      this.#successor.report(error)
      return 'held'
    }
  }
}
