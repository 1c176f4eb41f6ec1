import { at, type Clock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { JobTimeoutError, quoted } from '../core/errors.ts'
import type { Retry } from '../resilience/retry.ts'
import type { JobFunction, RunRecord } from './schedule-types.ts'

/** The settings that all runs of one job share. */
export interface RunSettings {
  readonly name: string
  readonly fn: JobFunction
  readonly timeout: Millis | undefined
  readonly retry: Retry | undefined
  readonly clock: Clock
  onRetry(run: Run, error: unknown, attempt: number, delay: Millis): void
}

export type RunOutcome = { ok: true; value: unknown } | { ok: false; error: unknown }

/** One run of a job: its attempts, one after another. */
export class Run {
  readonly slot: Date
  readonly late: boolean
  /** How many attempts have begun. */
  attempts = 0
  aborted = false
  /** When it began, in milliseconds since 1970; `undefined` before. */
  began: Millis | undefined
  /** Resolves when the run has ended. */
  readonly ended: Promise<void>
  /** Resolves {@link ended}. */
  end!: () => void
  readonly #settings: RunSettings
  #controller: AbortController | undefined
  #reason: unknown
  #wake: (() => void) | undefined

  constructor(settings: RunSettings, slot: Date, late: boolean) {
    this.#settings = settings
    this.slot = slot
    this.late = late
    this.ended = new Promise((resolve) => {
      this.end = resolve
    })
  }

  get record(): RunRecord {
    return { name: this.#settings.name, slot: this.slot }
  }

  /** Aborts the current attempt. No other attempt begins. */
  abort(reason: unknown): void {
    if (this.aborted) return
    this.aborted = true
    this.#reason = reason
    this.#controller?.abort(reason)
    this.#wake?.()
  }

  async execute(): Promise<RunOutcome> {
    for (;;) {
      this.attempts += 1
      const outcome = await this.#attempt()
      if (outcome.ok || this.aborted) return outcome
      const { retry, onRetry } = this.#settings
      let delay: Millis | undefined
      try {
        delay = retry?.(this.attempts, outcome.error)
      } catch (error) {
        return { ok: false, error }
      }
      if (delay === undefined) return outcome
      onRetry(this, outcome.error, this.attempts, delay)
      await this.#sleep(delay)
      if (this.aborted) return outcome
    }
  }

  async #attempt(): Promise<RunOutcome> {
    const { name, fn, timeout, clock } = this.#settings
    const controller = new AbortController()
    this.#controller = controller
    if (this.aborted) controller.abort(this.#reason)
    let late: JobTimeoutError | undefined
    const expire = () => {
      late = new JobTimeoutError(name, (timeout as Millis) / 1000, `job ${quoted(name)}`)
      controller.abort(late)
    }
    const cancel = timeout === undefined ? undefined : at(clock, clock.now() + timeout, expire)
    const { attempts: attempt, slot, late: isLate } = this
    try {
      const value = await fn({ name, slot, attempt, late: isLate, signal: controller.signal })
      return late === undefined ? { ok: true, value } : { ok: false, error: late }
    } catch (error) {
      return { ok: false, error: late ?? error }
    } finally {
      cancel?.()
    }
  }

  async #sleep(delay: Millis): Promise<void> {
    const { clock } = this.#settings
    await new Promise<void>((resolve) => {
      const cancel = at(clock, clock.now() + delay, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
    this.#wake = undefined
  }
}
