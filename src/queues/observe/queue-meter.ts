import type { Millis } from '../../core/duration.ts'
import type { Counter, Histogram, Meter } from '../../core/meter.ts'
import { PartSeries } from '../../core/part-series.ts'
import { Sampling } from '../../core/sampling.ts'
import type { QueueEventMap, QueueStats } from '../queue.ts'
import type { JobTimes } from './job-times.ts'

/** A job, as far as it is timed. */
export interface Timed {
  times: JobTimes | undefined
}

type GivenUp = 'cancelled' | 'dropped' | 'duplicate'

const SIZES: Readonly<Record<string, { help: string; of: (stats: QueueStats) => number }>> = {
  waiting: { help: 'Jobs accepted and not begun.', of: ({ waiting }) => waiting },
  running: { help: 'Jobs that run.', of: ({ running }) => running },
  offered: { help: 'Puts that wait for room.', of: ({ offered }) => offered },
  workers: { help: 'How many jobs may run at once.', of: ({ workers }) => workers },
}

/** Counts the jobs of a queue in the `metrics` it was given. */
export class QueueMeter {
  readonly #sampling = new Sampling()
  readonly #now: () => Millis
  readonly #completed: Counter
  readonly #failed: Counter
  readonly #givenUp: Readonly<Record<GivenUp, Counter>>
  readonly #pulled: Counter
  readonly #retries: Counter
  readonly #timeouts: Counter
  readonly #waits: Histogram
  readonly #runs: Histogram
  readonly #series: PartSeries
  /** Reads the sizes. Kept in a field, because all series end when it is garbage collected. */
  readonly queue: object
  /** Jobs that have ended since the last one that was timed: it stands for them. */
  #untimed = 0

  constructor(
    metrics: Meter,
    queue: { readonly name: string; stats(): QueueStats },
    now: () => Millis,
  ) {
    this.#now = now
    this.queue = queue
    const series = new PartSeries(metrics, queue)
    this.#series = series
    const labels = { queue: queue.name }
    const jobs = series.counter('aioflux_queue_jobs_total', {
      help: 'Jobs, by how they ended; pulled jobs were taken out by hand.',
    })
    const ended = (outcome: string) => jobs.with({ ...labels, outcome })
    this.#completed = ended('completed')
    this.#failed = ended('failed')
    this.#givenUp = {
      cancelled: ended('cancelled'),
      dropped: ended('dropped'),
      duplicate: ended('duplicate'),
    }
    this.#pulled = ended('pulled')
    this.#retries = series
      .counter('aioflux_queue_retries_total', {
        help: 'Attempts that failed and were tried again.',
      })
      .with(labels)
    this.#timeouts = series
      .counter('aioflux_queue_timeouts_total', { help: 'Attempts that ran too long.' })
      .with(labels)
    const sampled = 'Above 10,000 jobs a second, one that is timed stands for several.'
    this.#waits = series
      .histogram('aioflux_queue_wait_seconds', {
        help: `How long jobs waited, from put to their first start. ${sampled}`,
      })
      .with(labels)
    this.#runs = series
      .histogram('aioflux_queue_job_seconds', {
        help: `How long the attempts took that ended their jobs. ${sampled}`,
      })
      .with(labels)
    for (const [size, { help, of }] of Object.entries(SIZES)) {
      const gauge = series.gauge(`aioflux_queue_${size}`, { help }).with(labels)
      series.follow(gauge, queue, (part) => of(part.stats()))
    }
  }

  /** A job is put: it is timed, if it is its turn. */
  put(job: Timed): void {
    if (!this.#sampling.due()) return
    const put = this.#now()
    this.#sampling.began(put * 1000)
    job.times = { put, first: undefined, last: put }
  }

  /** As {@link put}, for a job that begins as it is put. */
  begins(job: Timed): void {
    this.put(job)
    const { times } = job
    if (times !== undefined) times.first = times.put
  }

  completed(job: Readonly<Timed>): void {
    this.#completed.inc()
    this.#ended(job)
  }

  failed(job: Readonly<Timed>): void {
    this.#failed.inc()
    this.#ended(job)
  }

  pulled(): void {
    this.#pulled.inc()
  }

  /** Something else has happened, of which only the number counts. */
  told(event: keyof QueueEventMap<unknown, unknown>): void {
    if (event === 'retry') this.#retries.inc()
    else if (event === 'timeout') this.#timeouts.inc()
    else if (event === 'cancelled' || event === 'dropped' || event === 'duplicate') {
      this.#givenUp[event].inc()
    }
  }

  /** The queue is over: it has no size any more. Its counts are reported while the program holds the queue. */
  stop(): void {
    this.#series.still()
  }

  #ended(job: Readonly<Timed>): void {
    this.#untimed += 1
    const { times } = job
    if (times?.first === undefined) return
    this.#waits.observe(Math.max(0, times.first - times.put) / 1000, this.#untimed)
    this.#runs.observe(Math.max(0, this.#now() - times.last) / 1000, this.#untimed)
    this.#untimed = 0
  }
}
