import type { Meter } from '../core/meter.ts'
import type { SkipReason } from './schedule-types.ts'

/** What a scheduler counts of its jobs, for whoever gave it `metrics`. Jobs are not so many that a look-up would matter. */
export class SchedulerMeter {
  readonly #metrics: Meter
  readonly #scheduler: string

  constructor(metrics: Meter, scheduler: string) {
    this.#metrics = metrics
    this.#scheduler = scheduler
  }

  /** Runs under way. */
  followRunning<Job extends { readonly name: string; readonly runs: { readonly size: number } }>(
    job: Job,
  ): () => void {
    return this.#metrics
      .gauge('aioflux_scheduler_running', { help: 'Runs that have not ended.' })
      .with({ scheduler: this.#scheduler, job: job.name })
      .follow(job, ({ runs }) => runs.size)
  }

  ended(job: string, outcome: 'completed' | 'failed' | 'aborted', seconds: number): void {
    const scheduler = this.#scheduler
    this.#metrics
      .counter('aioflux_scheduler_runs_total', { help: 'Runs, by how they ended.' })
      .with({ scheduler, job, outcome })
      .inc()
    this.#metrics
      .histogram('aioflux_scheduler_run_seconds', {
        help: 'How long runs took, retries included.',
        buckets: [0.001, 0.01, 0.1, 1, 10, 60, 600, 3600],
      })
      .with({ scheduler, job })
      .observe(seconds)
    if (outcome !== 'completed') return
    this.#metrics
      .gauge('aioflux_scheduler_last_success_timestamp_seconds', {
        help: 'When a run completed last, in seconds since 1970.',
      })
      .with({ scheduler, job })
      .set(Date.now() / 1000)
  }

  skipped(job: string, reason: SkipReason): void {
    this.#metrics
      .counter('aioflux_scheduler_skipped_total', { help: 'Slots that were not run, by reason.' })
      .with({ scheduler: this.#scheduler, job, reason })
      .inc()
  }

  missed(job: string, count: number): void {
    this.#metrics
      .counter('aioflux_scheduler_missed_total', {
        help: 'Slots that passed without being noticed in time.',
      })
      .with({ scheduler: this.#scheduler, job })
      .inc(count)
  }
}
