import type { Clock } from '../../core/clock.ts'
import { type ClosedError, OptionTypeError, WaitTimeoutError } from '../../core/errors.ts'
import { Waiters, type WaitOptions } from '../../core/waiters.ts'
import type { JobClaim } from '../job.ts'
import type { LocalJob } from '../store/local-job.ts'
import type { MemoryJobs } from '../store/memory-jobs.ts'
import type { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'
import { HandClaim } from './hand-claim.ts'
import { Pull, type Pullable } from './pull.ts'

/** What the claims by hand of a queue in memory ask and tell it. */
export interface LocalClaimsListener {
  /** Why no more jobs will come; `undefined` while they may come. */
  whyClosed(): ClosedError | undefined
  /** A caller begins to wait for jobs. */
  waits(): void
  /** A caller takes no more jobs. */
  left(): void
  /** A claim has ended. */
  claimEnded(): void
}

/** Jobs in memory that users take themselves, instead of workers: items that are pulled, and claims that users end. */
export class LocalClaims<T, R> {
  readonly #jobs: MemoryJobs
  readonly #attempts: Attempts
  readonly #listener: LocalClaimsListener
  readonly #pull: Pull<LocalJob>
  readonly #claimers: Pull<Attempt>
  /** Claimed, and not ended. */
  readonly #claims = new Set<Attempt>()
  /** How many are being claimed at this moment. */
  #pulling = 0

  constructor(
    queue: string,
    clock: Clock,
    jobs: MemoryJobs,
    attempts: Attempts,
    listener: LocalClaimsListener,
  ) {
    this.#jobs = jobs
    this.#attempts = attempts
    this.#listener = listener
    // An item that is taken is done with at once: what could still be given back would be there twice.
    this.#pull = new Pull(
      this.#sourceOf(
        () => this.#takeOut(),
        (job) => this.#ended(job),
      ),
      new Waiters(clock, `an item of queue '${queue}'`),
    )
    this.#claimers = new Pull(
      this.#sourceOf(() => this.#begin(), nothing),
      new Waiters(clock, `a job of queue '${queue}'`),
    )
  }

  /** How many jobs are claimed and not ended. */
  get size(): number {
    return this.#claims.size + this.#pulling
  }

  /** True while a caller waits for jobs. */
  get active(): boolean {
    return this.#pull.active || this.#claimers.active
  }

  /** Takes the item of one job, which completes it. */
  async take(patience: WaitOptions | undefined): Promise<T> {
    return (await this.#pull.next(patience)).item as T
  }

  /** As {@link take}, where there is a job now. */
  tryTake(): T | undefined {
    if (!this.#jobs.prompt) {
      throw new OptionTypeError('limiter', 'tryGet cannot wait for a limiter elsewhere: use get')
    }
    const job = this.#takeOut()
    if (job === undefined) return undefined
    this.#ended(job)
    return job.item as T
  }

  /** All items, until the queue ends. */
  loop(): AsyncIterableIterator<T> {
    return this.#pull.loop(() => this.take(undefined))
  }

  /** Claims up to `max` jobs, and waits for the first. None where none came in time. */
  async claim(max: number, { signal, timeout }: WaitOptions): Promise<JobClaim<T, R>[]> {
    let next: Attempt | undefined
    try {
      next = await this.#claimers.next({ signal, timeout })
    } catch (error) {
      if (error instanceof WaitTimeoutError) return []
      throw error
    }
    const claims: JobClaim<T, R>[] = []
    for (; next !== undefined; next = claims.length < max ? this.#begin() : undefined) {
      claims.push(this.#claim(next))
    }
    return claims
  }

  /** There may be jobs: callers that wait get them. */
  serve(): void {
    this.#pull.serve()
    this.#claimers.serve()
  }

  /** All claims end, and their jobs wait again. */
  giveBack(reason: ClosedError): void {
    for (const attempt of [...this.#claims]) {
      this.#claims.delete(attempt)
      void this.#attempts.release(attempt, 0)
      attempt.abort(reason)
    }
  }

  /** No more jobs will come. */
  refuse(reason: ClosedError): void {
    this.#pull.refuse(reason)
    this.#claimers.refuse(reason)
  }

  #sourceOf<Taken>(
    pullNext: () => Taken | undefined,
    handed: (taken: Taken) => void,
  ): Pullable<Taken> {
    const listener = this.#listener
    return {
      pullNext,
      handed,
      whyClosed: () => listener.whyClosed(),
      waits: () => listener.waits(),
      left: () => listener.left(),
    }
  }

  #claim(attempt: Attempt): JobClaim<T, R> {
    return new HandClaim<T, R>(attempt, this.#attempts, () => {
      this.#claims.delete(attempt)
      this.#listener.claimEnded()
    })
  }

  /** Claims the next job, where the limiter lets it. */
  #begin(): Attempt | undefined {
    return this.#leaving(() => {
      const attempt = this.#jobs.take()
      if (attempt === undefined) return undefined
      this.#claims.add(attempt)
      this.#attempts.begin(attempt)
      return attempt
    })
  }

  #takeOut(): LocalJob | undefined {
    return this.#leaving(() => this.#jobs.takeOut())
  }

  /** A job leaves the store. It counts meanwhile: the room that it leaves may begin and end all the others. */
  #leaving<Taken>(leave: () => Taken): Taken {
    this.#pulling += 1
    let taken: Taken
    try {
      taken = leave()
    } finally {
      this.#pulling -= 1
    }
    // A worker may have ended the last job meanwhile, and could not know that, since this call counted.
    if (taken === undefined) this.#listener.left()
    return taken
  }

  /** A job was taken out. */
  #ended(job: LocalJob): void {
    this.#attempts.tookOut(job)
    this.#listener.claimEnded()
  }
}

function nothing(): void {}
