import type { Counter, Family, Gauge, Histogram, Meter } from '../core/meter.ts'
import { PartSeries } from '../core/part-series.ts'
import type { SkipReason } from './schedule-types.ts'

/**
 * The metrics of a scheduler with the option `metrics`. Labels say `task`, because Prometheus uses `job` itself. Runs are rare, so
 * series are looked up each time.
 */
export class SchedulerMeter {
  readonly #scheduler: string
  readonly #series: PartSeries
  readonly #runs: Family<Counter>
  readonly #seconds: Family<Histogram>
  readonly #running: Family<Gauge>
  readonly #success: Family<Gauge>
  readonly #skipped: Family<Counter>
  readonly #missed: Family<Counter>

  constructor(metrics: Meter, part: object, scheduler: string) {
    this.#scheduler = scheduler
    const series = new PartSeries(metrics, part)
    this.#series = series
    this.#runs = series.counter('aioflux_scheduler_runs_total', {
      help: 'Runs, by how they ended.',
    })
    this.#seconds = series.histogram('aioflux_scheduler_run_seconds', {
      help: 'How long runs took, retries included.',
      buckets: [0.001, 0.01, 0.1, 1, 10, 60, 600, 3600],
    })
    this.#running = series.gauge('aioflux_scheduler_running', {
      help: 'Runs that have not ended.',
    })
    this.#success = series.gauge('aioflux_scheduler_last_success_timestamp_seconds', {
      help: 'When a run completed last, in seconds since 1970.',
    })
    this.#skipped = series.counter('aioflux_scheduler_skipped_total', {
      help: 'Slots that were not run, by reason.',
    })
    this.#missed = series.counter('aioflux_scheduler_missed_total', {
      help: 'Slots that were missed: the process was busy, suspended or off.',
    })
  }

  /** Follows the number of current runs of a job. */
  followRunning<Job extends { readonly name: string; readonly runs: { readonly size: number } }>(
    job: Job,
  ): void {
    this.#series.follow(this.#running.with(this.#of(job.name)), job, ({ runs }) => runs.size)
  }

  ended(task: string, outcome: 'completed' | 'failed' | 'aborted', seconds: number): void {
    this.#runs.with({ ...this.#of(task), outcome }).inc()
    this.#seconds.with(this.#of(task)).observe(Math.max(0, seconds))
    if (outcome === 'completed') this.#success.with(this.#of(task)).set(Date.now() / 1000)
  }

  skipped(task: string, reason: SkipReason): void {
    this.#skipped.with({ ...this.#of(task), reason }).inc()
  }

  missed(task: string, count: number): void {
    this.#missed.with(this.#of(task)).inc(count)
  }

  #of(task: string): { scheduler: string; task: string } {
    return { scheduler: this.#scheduler, task }
  }
}
