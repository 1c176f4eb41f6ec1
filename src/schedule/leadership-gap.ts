import { at, type Cancel } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import type { JobContext } from './job-context.ts'
import type { Run } from './run.ts'
import type { SlotKeeper } from './slot-keeper.ts'

/** How often a process that missed slots checks whether it leads. */
const LOOK_AGAIN: Millis = 5000

/** The part of a job that {@link LeadershipGap} needs. */
export interface GapOf {
  readonly name: string
  /** True while this process leads. */
  leads(): boolean
  /** The first slot later than `after`. */
  next(after: Millis): Millis | undefined
  /** No leader has taken the slots from `first` to `last`. The run `by` makes up for them; without it the job starts another run. */
  missed(first: Millis, last: Millis, by: Run | undefined): void
  report(error: unknown): void
}

/**
 * Slots of one job that passed while this process did not lead. Another leader ran them, or there was no leader and nobody ran them. When
 * this process leads, it asks the storage for the last slot that was taken: later slots were missed.
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
   * @param by a run that is about to take its slot. The storage remembers only the last slot, so it is asked before
   */
  async settle(by?: Run): Promise<void> {
    const passed = this.#passed
    if (passed === undefined) return
    try {
      const taken = await this.#slots.last(this.#job.name)
      // Another call has settled the gap in the meantime, or the job has ended.
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
