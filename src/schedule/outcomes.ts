import type { Millis } from '../core/duration.ts'
import { complain } from '../core/error-text.ts'
import type { JobContext } from './job-context.ts'
import type { Run, RunOutcome } from './run.ts'
import type { RunSummary } from './schedule-types.ts'

/** How many runs are remembered. */
const REMEMBERED = 20

/** The outcomes of the runs of one job: counts, the latest runs, events and metrics. */
export class Outcomes {
  lastRun: Date | undefined
  lastError: unknown
  completed = 0
  failed = 0
  /** Ended runs and skipped slots, oldest first. */
  readonly #recent: RunSummary[] = []
  readonly #job: string
  readonly #context: JobContext

  constructor(job: string, context: JobContext) {
    this.#job = job
    this.#context = context
  }

  /** The latest runs; the current runs come last. */
  recent(running: Iterable<Run>): RunSummary[] {
    const now = this.#context.wall()
    const open = [...running].flatMap(({ began }) => {
      if (began === undefined) return []
      const seconds = Math.max(0, now - began) / 1000
      return [{ at: new Date(began), seconds, outcome: 'running' as const }]
    })
    return [...this.#recent, ...open].slice(-REMEMBERED)
  }

  skipped(): void {
    this.#remember({ at: new Date(this.#context.wall()), seconds: 0, outcome: 'skipped' })
  }

  /** An attempt has failed, and another one follows. */
  retried(run: Run, error: unknown, attempt: number, delay: Millis): void {
    this.lastError = error
    this.#context.events.emit('retry', { ...run.record, error, attempt, delay: delay / 1000 })
  }

  /** Executes a run, then counts and tells its outcome. Does not reject. */
  async execute(run: Run): Promise<void> {
    const { clock, wall, events } = this.#context
    const began = clock.now()
    this.lastRun = new Date(wall())
    run.began = this.lastRun.getTime()
    if (events.heard) events.emit('started', { ...run.record, late: run.late })
    this.#end(run, await run.execute(), (clock.now() - began) / 1000)
  }

  #remember(run: RunSummary): void {
    this.#recent.push(run)
    if (this.#recent.length > REMEMBERED) this.#recent.shift()
  }

  #end(run: Run, outcome: RunOutcome, seconds: number): void {
    const { events, tally, meter } = this.#context
    const how = outcome.ok ? 'completed' : run.aborted ? 'aborted' : 'failed'
    meter?.ended(this.#job, how, seconds)
    this.#remember({ at: new Date(run.began as number), seconds, outcome: how })
    if (outcome.ok) {
      this.completed += 1
      tally.completed += 1
      this.lastError = undefined
      if (events.heard) {
        events.emit('completed', { ...run.record, seconds, value: outcome.value })
      }
      return
    }
    const { error } = outcome
    if (run.aborted) {
      events.emit('aborted', { ...run.record, error })
      return
    }
    this.failed += 1
    tally.failed += 1
    this.lastError = error
    const failure = { ...run.record, seconds, error, attempts: run.attempts }
    if (!events.emit('failed', failure)) complain(`aioflux: job '${this.#job}' failed`, error)
  }
}
