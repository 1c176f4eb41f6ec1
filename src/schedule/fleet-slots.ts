import type { Millis } from '../core/duration.ts'
import { LeaseLostError } from '../core/errors.ts'
import { Heartbeat } from './heartbeat.ts'
import type { JobContext } from './job-context.ts'
import { LeadershipGap } from './leadership-gap.ts'
import type { Run } from './run.ts'
import type { RunLimit } from './run-limit.ts'
import type { SkipReason } from './schedule-types.ts'
import type { SlotClaim, SlotKeeper } from './slot-keeper.ts'
import { SlotTakeover } from './slot-takeover.ts'

/** The part of a job that {@link FleetSlots} needs. */
export interface FleetJob {
  readonly name: string
  /** True when one run makes up for missed slots. */
  readonly catchUp: boolean
  /** True while this process leads. */
  leads(): boolean
  /** The first slot later than `after`. */
  next(after: Millis): Millis | undefined
  /** The slots from `first` to `last` were not run. The run `by` makes up for them; without it the job starts another run. */
  missed(first: Millis, last: Millis, by: Run | undefined): void
  /** True when one more run may start now. */
  ready(): boolean
  /** Begins a late run of a slot, by `work`, which does not reject. */
  begin(slot: Date, work: (run: Run) => Promise<void>): void
  /** How many runs may still begin, with `maxRuns`. */
  readonly limit: RunLimit | undefined
  execute(run: Run): Promise<void>
  skip(run: Run, reason: SkipReason): void
  report(error: unknown): void
}

/** The slots of one job that many processes share: decides which of them this process runs. */
export class FleetSlots {
  readonly #job: FleetJob
  readonly #slots: SlotKeeper
  readonly #context: JobContext
  /** Takes over the slots of processes that died. */
  readonly #takeover: SlotTakeover | undefined
  readonly #gap: LeadershipGap

  constructor(job: FleetJob, slots: SlotKeeper, context: JobContext) {
    this.#job = job
    this.#slots = slots
    this.#context = context
    this.#gap = new LeadershipGap(job, slots, context)
    // A job with `misfire: 'skip'` has no late runs, so it takes over none.
    if (slots.heirs === undefined || !job.catchUp) return
    this.#takeover = new SlotTakeover(job.name, slots.heirs, slots.keeps, context, {
      ready: () => job.ready(),
      inherit: (slot, claim, taken) =>
        job.begin(new Date(slot), (run) => this.#keep(run, claim, taken)),
      report: (error) => job.report(error),
    })
  }

  /** The latest slot that was taken, by any process. */
  async last(): Promise<Millis | undefined> {
    const last = await this.#slots.last(this.#job.name)
    // The process that took it may have died, when all processes died at once.
    if (last !== undefined) this.#takeover?.watch(last)
    return last
  }

  /** Allows to take over slots from now on. */
  begin(): void {
    this.#takeover?.begin()
  }

  /** Stops taking over slots. */
  end(): void {
    this.#takeover?.end()
    this.#gap.end()
  }

  /** A slot has come while this process does not lead. */
  pass(slot: Date): void {
    this.#gap.pass(slot.getTime())
  }

  /** Runs the slot, unless another process has it. */
  async run(run: Run): Promise<void> {
    const { clock, wall } = this.#context
    const { name } = this.#job
    const slot = run.slot.getTime()
    if (wall() - slot > this.#slots.keeps) return this.#job.skip(run, 'forgotten')
    await this.#gap.settle(run)
    const taken = clock.now()
    const claim = await this.#claim(run, name, slot)
    if (claim === undefined) return
    if (claim === false) {
      this.#takeover?.watch(slot)
      return this.#job.skip(run, 'taken')
    }
    if (claim !== true) return this.#keep(run, claim, taken)
    await this.#executeOnce(run, slot)
  }

  /**
   * Runs the job at the start, unless another process has done so since the last slot. Takes the next slot under a name of its own:
   * all processes that start before that slot take the same one.
   */
  async runAtStart(run: Run): Promise<void> {
    const slot = this.#job.next(this.#context.wall()) ?? 0
    const claim = await this.#claim(run, `${this.#job.name}@start`, slot)
    if (claim === undefined) return
    if (claim === false) return this.#job.skip(run, 'taken')
    await this.#executeOnce(run, run.slot.getTime())
  }

  /** Takes a slot; `undefined` when the run was skipped. */
  async #claim(run: Run, name: string, slot: Millis): Promise<SlotClaim | boolean | undefined> {
    const { limit } = this.#job
    try {
      await limit?.look()
      if (limit?.left !== 0) return await this.#slots.claim(name, slot)
      this.#job.skip(run, 'max-runs')
    } catch (error) {
      this.#job.report(error)
      this.#job.skip(run, 'unknown')
    }
    return undefined
  }

  /** Executes a run that no other process can take over. */
  async #executeOnce(run: Run, slot: Millis): Promise<void> {
    const refusal = this.#job.limit && (await this.#countRun(this.#job.limit, slot))
    // `stop` may have aborted the run while the storage was asked. The slot is taken, and no process will run it.
    if (run.aborted) this.#aborted(run)
    else if (refusal !== undefined) this.#job.skip(run, refusal)
    else await this.#job.execute(run)
  }

  /** Counts a run that is about to begin. @returns the reason when it may not begin */
  async #countRun(limit: RunLimit, slot: Millis): Promise<SkipReason | undefined> {
    try {
      return (await limit.beginSlot(slot)) ? undefined : 'max-runs'
    } catch (error) {
      this.#job.report(error)
      return 'unknown'
    }
  }

  /** Runs a slot while renewing its claim. Another process runs the slot when this process dies. */
  async #keep(run: Run, claim: SlotClaim, taken: Millis): Promise<void> {
    const { clock } = this.#context
    const term = this.#slots.heirs?.term ?? Infinity
    const refusal = this.#job.limit && (await this.#countRun(this.#job.limit, run.slot.getTime()))
    // The storage may have answered so late that another process has taken the slot over.
    const late = clock.now() - taken >= term
    if (refusal === 'max-runs') {
      this.#job.skip(run, refusal)
      return claim.finish().catch((error: unknown) => this.#job.report(error))
    }
    if (run.aborted || late || refusal !== undefined) {
      if (run.aborted) this.#aborted(run)
      else this.#job.skip(run, 'unknown')
      return claim.giveUp().catch((error: unknown) => this.#job.report(error))
    }
    const lost = () =>
      run.abort(new LeaseLostError(this.#job.name, run.slot.getTime(), 'was not renewed in time'))
    const heartbeat = new Heartbeat(claim, term, taken, clock, lost, (error) =>
      this.#job.report(error),
    )
    await this.#job.execute(run)
    await heartbeat.finish()
  }

  #aborted(run: Run): void {
    this.#context.events.emit('aborted', { ...run.record, error: undefined })
  }
}
