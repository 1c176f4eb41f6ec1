import * as check from '../../core/check.ts'
import { at, type Cancel, type Clock } from '../../core/clock.ts'
import { type Millis, toMillis } from '../../core/duration.ts'
import { JobDroppedError } from '../../core/errors.ts'
import { macrotask } from '../../core/macrotask.ts'
import type { Waiters } from '../../core/waiters.ts'
import type { Attempt } from '../consume/attempt.ts'
import type { Attempts } from '../consume/attempts.ts'
import type { ClaimBuffer } from '../consume/claim-buffer.ts'
import type { WorkerSlots } from '../consume/worker-slots.ts'
import { type JobRecord, STOP_OPTIONS, type StopOptions, type StopReport } from '../queue.ts'
import { unlessTimeout } from './answered.ts'

/** The parts of its queue that a shutdown uses. */
export interface DurableStopping {
  /** True while claims may come that have to be given back. */
  readonly claiming: boolean
  /** Called first: from now on nothing is put, claimed or begun. */
  closing(): void
  /** The error with which calls are refused. */
  closedError(): Error
  /** The report is there: results that are still awaited here reject. */
  reported(): void
  /** All that this process works on has ended, or was given back. */
  finish(): Promise<void>
  /** Resolves when no dead letter is on its way; `undefined` where none is. */
  lettersSent(): Promise<unknown> | undefined
  trouble(error: unknown): void
}

/**
 * The end of a queue's part in this process: jobs that run are finished, claims that no worker has begun go back, and at the
 * deadline jobs that run are aborted and given back. What waits stays in the store. All calls get the same report.
 */
export class DurableShutdown<T> {
  readonly #clock: Clock
  readonly #slots: WorkerSlots
  readonly #attempts: Attempts
  readonly #buffer: ClaimBuffer
  readonly #ends: Waiters<void>
  readonly #queue: DurableStopping
  #report: Promise<StopReport<T>> | undefined
  #hurry: (() => void) | undefined
  readonly #timers: Cancel[] = []
  #over = false
  /** Attempts that were aborted at the deadline. */
  readonly #aborted: Attempt[] = []
  /** The attempt whose handler called `stop`: that handler cannot be waited for, since it may be waiting for this. */
  #inside: Attempt | 'no' | 'unknown' = 'no'

  /** @param ends wakes when an attempt may have ended */
  constructor(
    clock: Clock,
    slots: WorkerSlots,
    attempts: Attempts,
    buffer: ClaimBuffer,
    ends: Waiters<void>,
    queue: DurableStopping,
  ) {
    this.#clock = clock
    this.#slots = slots
    this.#attempts = attempts
    this.#buffer = buffer
    this.#ends = ends
    this.#queue = queue
  }

  /** True when it has begun: then nothing is accepted any more. */
  get begun(): boolean {
    return this.#report !== undefined
  }

  /** @throws ClosedError when it has begun */
  checkOpen(): void {
    if (this.begun) throw this.#queue.closedError()
  }

  /** @throws ClosedError when the report is there: no call waits any more */
  checkReported(): void {
    if (this.#over) throw this.#queue.closedError()
  }

  begin(options: StopOptions): Promise<StopReport<T>> {
    try {
      check.known('queue.stop', options, STOP_OPTIONS)
      const { mode = 'drain' } = options
      check.oneOf('mode', mode, ['drain', 'drop'])
      const deadline =
        options.deadline === undefined ? Infinity : toMillis('deadline', options.deadline)
      const grace = options.grace === undefined ? 0 : toMillis('grace', options.grace)
      if (this.#inside === 'no') this.#findInsider()
      this.#report ??= this.#stop()
      if (deadline < Infinity && !this.#over) this.#after(deadline, () => this.#giveUp(grace))
      return this.#report
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #stop(): Promise<StopReport<T>> {
    // From the next turn on nothing new begins: the caller knows by then that it has begun.
    await Promise.resolve()
    this.#queue.closing()
    const hurried = new Promise<void>((resolve) => {
      this.#hurry = resolve
    })
    await Promise.race([
      this.#settled(() => this.#workers > 0).then(() => this.#letters()),
      hurried,
    ])
    const { abandoned, running, completed, failed } = this.#attempts
    // The handler that called `stop` goes on: the store is left when the end of its job is kept.
    const goesOn = this.#inside !== 'no' && running.size > 0
    if (goesOn) this.#queue.reported()
    else await this.#queue.finish()
    this.#over = true
    for (const cancel of this.#timers) cancel()
    const stillRunning = records<T>([...abandoned, ...(goesOn ? running : [])])
    if (goesOn) this.#finishLater()
    const aborted = records<T>(this.#aborted)
    // A job may have several attempts here, and one that timed out may still run.
    for (const id of stillRunning.keys()) aborted.delete(id)
    return {
      completed,
      failed,
      notStarted: [],
      aborted: [...aborted.values()],
      stillRunning: [...stillRunning.values()],
    }
  }

  /** Resolves when no handler is waited for, and no claim is held without one. */
  async #settled(waits: () => boolean): Promise<void> {
    while (waits() || this.#buffer.busy > this.#attempts.size || this.#busy) {
      await this.#ends.wait({ timeout: 0.05 }).catch(unlessTimeout)
    }
  }

  /** A process may exit after the report, so dead letters that are on their way are waited for. */
  async #letters(): Promise<void> {
    // The last failure is told soon after its end is kept.
    await new Promise<void>(macrotask)
    await this.#queue.lettersSent()
  }

  /** How many attempts run that are waited for; where one of them called `stop`, how many workers beside its own. */
  get #workers(): number {
    const inside = this.#inside
    const { busy } = this.#slots
    if (inside === 'no' || busy === 0) return this.#attempts.size
    return inside !== 'unknown' && !this.#attempts.holds(inside) ? busy : busy - 1
  }

  #findInsider(): void {
    const { consumer } = this.#slots
    if (!consumer?.insideHandler()) return
    this.#inside = consumer.caller() ?? 'unknown'
    if (!consumer.handling) return
    consumer.whenLeft((attempt) => {
      this.#inside = attempt
    })
  }

  /** The handler that called `stop` has its report. When it ends too, all is over. */
  #finishLater(): void {
    this.#settled(() => this.#attempts.size > 0)
      .then(() => this.#queue.finish())
      .catch((error: unknown) => this.#queue.trouble(error))
  }

  /** True while claims are under way, or handlers run that were aborted at the deadline. */
  get #busy(): boolean {
    const { abandoned } = this.#attempts
    return this.#queue.claiming || this.#aborted.some((attempt) => abandoned.has(attempt))
  }

  /** The deadline has passed: running jobs are aborted and given back, so that another process does them. */
  #giveUp(grace: Millis): void {
    const reason = new JobDroppedError('the queue stopped')
    for (const attempt of [...this.#attempts.running]) {
      this.#aborted.push(attempt)
      this.#attempts.giveBack(attempt, reason)
    }
    this.#after(Math.max(grace, 1), () => this.#hurry?.())
  }

  #after(delay: Millis, run: () => void): void {
    this.#timers.push(at(this.#clock, this.#clock.now() + delay, run))
  }
}

/** The jobs of attempts by their ids, each once. */
function records<T>(attempts: Iterable<Attempt>): Map<string, JobRecord<T>> {
  return new Map([...attempts].map(({ job }) => [job.id, { id: job.id, item: job.item as T }]))
}
