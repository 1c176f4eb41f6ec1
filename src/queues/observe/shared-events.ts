import { OldestFirst } from '../../core/oldest-first.ts'
import { QueueEvents, type ToldJob, told } from './queue-events.ts'

/** How many ends are remembered: a result is asked for soon after its job has ended, or before. */
const REMEMBERED = 10_000

/**
 * What a queue over a storage tells: the end of each job that ends in this process, and of each job whose result is awaited here,
 * wherever that ends. Each end is told once.
 */
export class SharedEvents extends QueueEvents {
  /** The ends that were told. */
  readonly #ends = new OldestFirst<string, true>()

  override completed(job: ToldJob, value: unknown): void {
    this.#isNews(job.id, job.run)
    super.completed(job, value)
  }

  override pulled(job: ToldJob): void {
    this.#isNews(job.id, job.run)
    super.pulled(job)
  }

  override failed(job: ToldJob, error: unknown): void {
    this.#isNews(job.id, job.run)
    super.failed(job, error)
  }

  /**
   * A job has completed whose result is awaited here. Where another process worked on it, that one counts it.
   *
   * @param run the claim that has ended the job, as `Claim.run`
   */
  completedElsewhere(job: ToldJob, value: unknown, run: string | undefined): void {
    if (this.#isNews(job.id, run)) {
      this.emit('completed', { job: told(job), item: job.item, value })
    }
  }

  /** As {@link completedElsewhere}: the process that worked on it counts it, and sends the dead letter. */
  failedElsewhere(job: ToldJob, error: unknown, run: string | undefined): void {
    if (this.#isNews(job.id, run)) this.emit('failed', { job: told(job), item: job.item, error })
  }

  /** True where that end was not told before. Without a listener nothing is told, and nothing remembered. */
  #isNews(id: string, run: string | undefined): boolean {
    if (!this.listened) return false
    const end = run === undefined ? id : `${run} ${id}`
    if (this.#ends.get(end) === true) return false
    this.#ends.put(end, true)
    if (this.#ends.size > REMEMBERED) this.#ends.shift()
    return true
  }
}
