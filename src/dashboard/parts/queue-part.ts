import type { Millis } from '../../core/duration.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { QueueCounts } from '../../queues/job.ts'
import type { Queue } from '../../queues/queue.ts'
import type { QueueState } from '../state.ts'
import { Rate } from './rate.ts'

// biome-ignore lint/suspicious/noExplicitAny: a queue of any items.
export type AnyQueue = Queue<any, any>

/** A queue, as the dashboard shows it. */
export class QueuePart {
  readonly queue: AnyQueue
  readonly #here: boolean
  readonly #kind: string | undefined
  readonly #put = new Rate()
  readonly #done = new Rate()
  readonly #died = new Rate()
  #last: QueueState | undefined

  /** @param here true for a queue of this process, false for one that was found in the storage */
  constructor(queue: AnyQueue, here: boolean, kind?: string) {
    this.queue = queue
    this.#here = here
    this.#kind = kind
  }

  get state(): QueueState | undefined {
    return this.#last
  }

  /** @param processes how many processes have it open, if that is known */
  async sample(now: Millis, metrics: Metrics | undefined, processes?: number): Promise<QueueState> {
    const { queue } = this
    const stats = queue.stats()
    let counts: QueueCounts
    try {
      counts = await queue.counts()
    } catch (error) {
      const before = this.#last ?? EMPTY
      this.#last = { ...before, here: this.#here, failure: (error as Error).message }
      return this.#last
    }
    const { waiting, delayed, running, dead, completed, failed, oldest } = counts
    const put = this.#put.push(waiting + delayed + running + completed + failed, now)
    const done = this.#done.push(completed, now)
    const died = this.#died.push(failed, now)
    const times = metrics === undefined ? undefined : runTimes(metrics, queue.name)
    const ended = (done ?? 0) + (died ?? 0)
    const run = times?.p50 ?? (ended > 0 && running > 0 ? running / ended : undefined)
    this.#last = {
      ...(this.#kind !== undefined && { kind: this.#kind }),
      remote: 'redeclare' in queue,
      here: this.#here,
      paused: stats.paused === true,
      ...(this.#here && { workers: queue.workers }),
      ...(processes !== undefined && 'redeclare' in queue && { processes }),
      waiting,
      delayed,
      running,
      dead,
      completed,
      failed,
      oldest,
      ...(put !== undefined && { put }),
      ...(done !== undefined && { done }),
      ...(died !== undefined && { died }),
      ...(run !== undefined && { run }),
      ...(times !== undefined && { p99: times.p99 }),
    }
    return this.#last
  }
}

const EMPTY: QueueState = {
  remote: true,
  here: false,
  paused: false,
  waiting: 0,
  delayed: 0,
  running: 0,
  dead: 0,
  completed: 0,
  failed: 0,
  oldest: 0,
}

/** The run times of a queue with metrics. */
function runTimes(metrics: Metrics, queue: string): { p50: number; p99: number } | undefined {
  const { histograms } = metrics.getStats()
  return histograms[`aioflux_queue_job_seconds{queue="${queue}"}`]
}
