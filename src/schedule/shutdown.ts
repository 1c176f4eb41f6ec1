import { at, type Cancel, type Clock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { EarliestDeadline } from '../core/earliest-deadline.ts'
import { ClosedError } from '../core/errors.ts'
import type { Job } from './job.ts'
import type { Run } from './run.ts'
import type { Campaign, RunRecord, SchedulerStopReport } from './schedule-types.ts'

/** How long aborted runs may take to end, unless `stop` got a `grace`. */
const GRACE: Millis = 1000
/** After the deadline, the campaign has this time to tell the storage that this process leads no more. */
const FAREWELL: Millis = 1000

/** The parts of a scheduler that `stop` ends. */
export interface Ending {
  readonly clock: Clock
  /** All jobs with runs, also those that were cancelled. */
  readonly jobs: readonly Job[]
  readonly campaign: Campaign | undefined
  /** Runs since the scheduler was made. */
  readonly tally: Readonly<{ completed: number; failed: number }>
}

/**
 * The end of a scheduler: no more slots, then runs may end, then they are aborted, then the report. A later call of `stop` may bring
 * an earlier deadline.
 */
export class Shutdown {
  readonly report: Promise<SchedulerStopReport>
  readonly #ending: Ending
  /** When runs are aborted, and until when aborted runs may take to end. */
  readonly #deadline: EarliestDeadline
  readonly #graceEnd: EarliestDeadline
  #grace: Millis | undefined

  constructor(ending: Ending) {
    this.#ending = ending
    this.#deadline = new EarliestDeadline(ending.clock)
    this.#graceEnd = new EarliestDeadline(ending.clock)
    const notStarted = ending.jobs.flatMap((job) => job.halt())
    this.report = this.#end(notStarted)
  }

  /** Aborts the runs after `patience`, and waits `grace` for their end. Of several calls, the earliest times count. */
  hurry(patience: Millis, grace: Millis | undefined): void {
    if (grace !== undefined) this.#grace = Math.min(this.#grace ?? Infinity, grace)
    if (this.#deadline.over) this.#graceEnd.within(this.#graceOrDefault)
    else this.#deadline.within(patience)
  }

  async #end(notStarted: RunRecord[]): Promise<SchedulerStopReport> {
    const { tally, campaign } = this.#ending
    const ended = Promise.all(this.#running().map((run) => run.ended))
    if (this.#running().length > 0) await Promise.race([ended, this.#deadline.reached])
    const cut = this.#running()
    for (const run of cut) run.abort(new ClosedError('the scheduler'))
    if (cut.length > 0) {
      this.#graceEnd.within(this.#graceOrDefault)
      await Promise.race([ended, this.#graceEnd.reached])
    }
    const deaf = new Set(this.#running())
    if (campaign !== undefined) await this.#leave(campaign)
    this.#deadline.cancel()
    this.#graceEnd.cancel()
    return {
      ...tally,
      notStarted,
      aborted: records(cut.filter((run) => !deaf.has(run))),
      stillRunning: records([...deaf]),
    }
  }

  /** Gives up the leadership. A storage that does not answer must not delay `stop` beyond its deadline. */
  async #leave(campaign: Campaign): Promise<void> {
    const { clock } = this.#ending
    let cancel: Cancel = () => {}
    const tooLate = this.#deadline.reached.then(
      () =>
        new Promise<void>((resolve) => {
          cancel = at(clock, clock.now() + Math.max(FAREWELL, this.#graceOrDefault), resolve)
        }),
    )
    await Promise.race([campaign.end(), tooLate])
    cancel()
  }

  get #graceOrDefault(): Millis {
    return this.#grace ?? GRACE
  }

  #running(): Run[] {
    return this.#ending.jobs.flatMap((job) => [...job.runs])
  }
}

function records(runs: readonly Run[]): RunRecord[] {
  return runs.map((run) => run.record)
}
