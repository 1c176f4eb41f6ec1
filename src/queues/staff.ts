import { describe, OptionTypeError } from '../core/errors.ts'
import type { Consumer, Handler } from './consumer.ts'
import type { TaskContext } from './job.ts'
import type { QueueStats } from './queue.ts'
import { SingleConsumer } from './single-consumer.ts'

/**
 * Who does the jobs of a queue: workers, hired for a handler or when the first item turns out to be a task; or nobody, and
 * items are pulled by hand.
 */
export class Staff {
  readonly #hire: (handler: Handler | undefined) => Consumer
  /** Is each item its own task? Decided by the first item where there is no handler. */
  #tasks: boolean | undefined
  #workers: number
  #open = false
  #hasDirect: boolean
  #onRest: (() => void) | undefined
  consumer: Consumer | undefined
  /** Whom a job may go to from put, past the line. */
  direct: SingleConsumer | undefined
  /** Is it asked of each item whether it is a task? */
  asks = true

  /** @param hasDirect may a job pass the line where nobody stands in it? */
  constructor(
    workers: number,
    hasDirect: boolean,
    hire: (handler: Handler | undefined) => Consumer,
  ) {
    this.#workers = workers
    this.#hasDirect = hasDirect
    this.#hire = hire
  }

  get workers(): number {
    return this.#workers
  }

  set workers(workers: number) {
    if (!(workers >= 0) || (workers !== Infinity && !Number.isSafeInteger(workers))) {
      throw new OptionTypeError(
        'workers',
        `workers must be a whole number, got ${describe(workers)}`,
      )
    }
    this.#workers = workers
    if (this.consumer !== undefined) this.consumer.workers = workers
  }

  /** Workers begin new jobs only while it is open. */
  set open(open: boolean) {
    this.#open = open
    if (this.consumer !== undefined) this.consumer.open = open
  }

  /** How many jobs run. */
  get running(): number {
    if (this.consumer === undefined) return 0
    const { running, passing } = this.consumer.attempts
    return running.size + (passing ? 1 : 0)
  }

  /** How many workers are at work. */
  get busy(): number {
    return this.consumer?.loops ?? 0
  }

  /** If the caller is a handler of this queue: how many workers are at work. */
  get insiders(): number | undefined {
    return this.busy > 0 && this.consumer?.insideHandler() === true ? this.busy : undefined
  }

  employ(handler: Handler | undefined): void {
    this.asks = false
    const consumer = this.#hire(handler)
    this.consumer = consumer
    consumer.onRest = this.#onRest
    consumer.workers = this.#workers
    if (this.#hasDirect && consumer instanceof SingleConsumer) this.direct = consumer
  }

  /** Finds out, from the first item, whether items are tasks or for pulling; holds the others to it. */
  meet(item: unknown): void {
    const task = typeof item === 'function'
    if (this.#tasks === undefined) {
      this.#tasks = task
      if (!task) return
      this.employ((run: (context: TaskContext) => unknown, context) => run(context))
      this.asks = true
      if (this.#open && this.consumer !== undefined) this.consumer.open = true
    } else if (this.#tasks && !task) {
      throw new OptionTypeError(
        'item',
        `item must be a function, as the first one was, or the queue needs a handler; got ${describe(item)}`,
      )
    }
  }

  /** From now on jobs do not pass the line: there are others who want them, or nobody may. */
  lineUp(): void {
    this.#hasDirect = false
    this.direct = undefined
  }

  /** From now on `run` is called whenever at most one worker is at work any more. */
  onRest(run: () => void): void {
    this.#onRest = run
    if (this.consumer !== undefined) this.consumer.onRest = run
  }

  /** What they have done. */
  get tally(): Pick<QueueStats, 'running' | 'abandoned' | 'completed' | 'failed' | 'workers'> {
    const attempts = this.consumer?.attempts
    return {
      running: this.running,
      abandoned: [...(attempts?.zombies ?? [])].length,
      completed: attempts?.completed ?? 0,
      failed: attempts?.failed ?? 0,
      workers: this.#workers,
    }
  }
}
