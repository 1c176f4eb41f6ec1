import { OldestFirst } from '../../core/oldest-first.ts'
import { QueueEvents, type ToldJob, told } from './queue-events.ts'

/** How many ends are remembered: a result is asked for soon after its job has ended, or before. */
const REMEMBERED = 10_000

/**
 * What a queue over a storage tells: the end of each job that ends in this process, and of each job whose result is awaited here,
 * wherever that ends. Each end is told once.
 */
export class SharedEvents extends QueueEvents {
  /** The jobs that have ended in this process. */
  readonly #ended = new OldestFirst<string, true>()

  override completed(job: ToldJob, value: unknown): void {
    this.#remember(job.id)
    super.completed(job, value)
  }

  override pulled(job: ToldJob): void {
    this.#remember(job.id)
    super.pulled(job)
  }

  override failed(job: ToldJob, error: unknown): void {
    this.#remember(job.id)
    super.failed(job, error)
  }

  /** A job was put: what was told of that id is the end of an earlier one. */
  put(id: string): void {
    this.#ended.delete(id)
  }

  /** A job has completed whose result is awaited here. Where another process worked on it, that one counts it. */
  completedElsewhere(job: ToldJob, value: unknown): void {
    if (this.#isNews(job)) this.emit('completed', { job: told(job), item: job.item, value })
  }

  /** As {@link completedElsewhere}: the process that worked on it counts it, and sends the dead letter. */
  failedElsewhere(job: ToldJob, error: unknown): void {
    if (this.#isNews(job)) this.emit('failed', { job: told(job), item: job.item, error })
  }

  #isNews({ id }: ToldJob): boolean {
    return this.listened && this.#ended.get(id) !== true
  }

  #remember(id: string): void {
    if (!this.listened) return
    this.#ended.put(id, true)
    if (this.#ended.size > REMEMBERED) this.#ended.shift()
  }
}
