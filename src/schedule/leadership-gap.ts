import { at, type Cancel } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import type { JobContext } from './job-context.ts'
import type { Run } from './run.ts'
import type { SlotKeeper } from './slot-keeper.ts'

/** How often a process that does not lead looks whether it does by now. */
const LOOK_AGAIN: Millis = 5000

/** What of a job is needed here. */
export interface GapOf {
  readonly name: string
  /** True while this process leads. */
  leads(): boolean
  /** The first slot later than `after`. */
  next(after: Millis): Millis | undefined
  /** No leader has taken the slots from `first` to `last`: this process makes up for them, by the run that is about to begin or another. */
  missed(first: Millis, last: Millis, by: Run | undefined): void
  report(error: unknown): void
}

/**
 * Slots of one job that passed while this process did not lead. Another leader has run them, or they fell between two leaders and were
 * not run. When this process leads, the storage tells which: slots after the last one that was taken were missed.
 */
export class LeadershipGap {
  readonly #job: GapOf
  readonly #slots: SlotKeeper
  readonly #context: JobContext
  /** The slots that passed: only the first and the last matter. */
  #passed: { readonly first: Millis; last: Millis } | undefined
  #cancel: Cancel | undefined

  constructor(job: GapOf, slots: SlotKeeper, context: JobContext) {
    this.#job = job
    this.#slots = slots
    this.#context = context
  }

  /** A slot has come, and this process does not lead. */
  pass(slot: Millis): void {
    if (this.#passed === undefined) this.#passed = { first: slot, last: slot }
    else this.#passed.last = Math.max(this.#passed.last, slot)
    this.#arm()
  }

  /**
   * Tells the slots that were missed.
   *
   * @param by a run that is about to take its slot: after that the storage only remembers this slot
   */
  async settle(by?: Run): Promise<void> {
    const passed = this.#passed
    if (passed === undefined) return
    try {
      const taken = await this.#slots.last(this.#job.name)
      // Another call has settled it meanwhile, or the job has ended.
      if (this.#passed !== passed) return
      this.end()
      if (taken !== undefined && taken >= passed.last) return
      const known = taken === undefined || taken < passed.first ? passed.first : undefined
      const first = known ?? this.#job.next(taken as Millis) ?? passed.last
      this.#job.missed(first, passed.last, by)
    } catch (error) {
      this.#job.report(error)
    }
  }

  end(): void {
    this.#passed = undefined
    this.#cancel?.()
    this.#cancel = undefined
  }

  #arm(): void {
    const { clock } = this.#context
    this.#cancel ??= at(clock, clock.now() + LOOK_AGAIN, () => {
      this.#cancel = undefined
      void this.#look()
    })
  }

  async #look(): Promise<void> {
    if (this.#job.leads()) await this.settle()
    if (this.#passed !== undefined) this.#arm()
  }
}
