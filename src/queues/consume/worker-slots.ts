import { integer } from '../../core/check.ts'
import { describe, OptionTypeError } from '../../core/errors.ts'
import type { Handler, TaskContext } from '../job.ts'
import type { Consumer, HandlerCall } from './consumer.ts'
import { SingleConsumer } from './single-consumer.ts'

/**
 * The workers of a queue: made for a handler, or when the first item turns out to be a task; or none, and items are pulled by
 * hand.
 */
export class WorkerSlots {
  readonly #makeConsumer: (handler: Handler | undefined) => Consumer
  /** Whether each item is its own task: decided by the first item where there is no handler. */
  #tasks: boolean | undefined
  #workers: number
  #started = false
  #paused = false
  #draining = false
  #closed = false
  #hasDirect: boolean
  #onRest: (() => void) | undefined
  #onFewer: (() => void) | undefined
  consumer: Consumer | undefined
  /** The consumer that jobs may go to from put, past the order. */
  direct: SingleConsumer | undefined
  /** True while each item is checked for being a task. */
  asks = true

  /** @param hasDirect true where a job may pass the order while nothing stands in it */
  constructor(
    workers: number,
    hasDirect: boolean,
    makeConsumer: (handler: Handler | undefined) => Consumer,
  ) {
    this.#workers = workers
    this.#hasDirect = hasDirect
    this.#makeConsumer = makeConsumer
  }

  get workers(): number {
    return this.#workers
  }

  set workers(workers: number) {
    if (workers !== Infinity) integer('workers', workers, 0)
    this.#workers = workers
    if (this.consumer !== undefined) this.consumer.workers = workers
  }

  /** True while workers may begin jobs. */
  get open(): boolean {
    return this.#started && (!this.#paused || this.#draining) && !this.#closed
  }

  get started(): boolean {
    return this.#started
  }

  start(): void {
    this.#started = true
    this.#apply()
  }

  get paused(): boolean {
    return this.#paused
  }

  set paused(paused: boolean) {
    this.#paused = paused
    this.#apply()
  }

  /** True when the queue is about to end. */
  get draining(): boolean {
    return this.#draining
  }

  /** The queue is about to end: workers do what waits, also where it was paused, and nothing waits for company any more. */
  drain(): void {
    this.#draining = true
    this.consumer?.hurry()
    this.#apply()
  }

  /** No job begins any more. */
  close(): void {
    this.#closed = true
    this.consumer?.hurry()
    this.#apply()
  }

  /** True where items are tasks, or the first item may turn out to be one. */
  get takesTasks(): boolean {
    return this.#tasks ?? this.consumer === undefined
  }

  /** How many workers are at work. */
  get busy(): number {
    return this.consumer?.loops ?? 0
  }

  /** As {@link Consumer.callingHandler}. */
  callingHandler(thorough: boolean): HandlerCall | undefined {
    return this.busy > 0 ? this.consumer?.callingHandler(thorough) : undefined
  }

  /** As {@link Consumer.isUnderWay}. */
  isUnderWay(call: HandlerCall): boolean {
    return this.consumer?.isUnderWay(call) === true
  }

  employ(handler: Handler | undefined): void {
    this.asks = false
    const consumer = this.#makeConsumer(handler)
    this.consumer = consumer
    this.#hear()
    consumer.workers = this.#workers
    if (this.#hasDirect && consumer instanceof SingleConsumer) this.direct = consumer
    this.#apply()
  }

  /** Finds out, from the first item, whether items are tasks or for pulling; holds the others to it. */
  meet(item: unknown): void {
    const task = typeof item === 'function'
    if (this.#tasks === undefined) {
      this.#tasks = task
      if (!task) return
      this.employ((run: (context: TaskContext) => unknown, context) => run(context))
      this.asks = true
    } else if (this.#tasks && !task) {
      throw new OptionTypeError(
        'item',
        `item must be a function, as the first one was, or the queue needs a handler; got ${describe(item)}`,
      )
    }
  }

  /** From now on jobs do not pass the order: they may be wanted by others, or none may begin. */
  lineUp(): void {
    this.#hasDirect = false
    this.direct = undefined
  }

  /** From now on `run` is called whenever at most one worker is at work any more. */
  onRest(run: () => void): void {
    this.#onRest = run
    this.#hear()
  }

  /** From now on `run` is called whenever a worker comes to rest, and when workers may begin jobs or may not any more. */
  onFewer(run: (() => void) | undefined): void {
    if (this.#onFewer === run) return
    this.#onFewer = run
    this.#hear()
  }

  /** False while workers are being started, or wait for the event loop. */
  get settled(): boolean {
    return this.consumer?.settled !== false
  }

  #hear(): void {
    const { consumer } = this
    if (consumer === undefined) return
    const onRest = this.#onRest
    const onFewer = this.#onFewer
    const none = onRest === undefined && onFewer === undefined
    consumer.onRest = none
      ? undefined
      : () => {
          if (consumer.loops <= 1) onRest?.()
          onFewer?.()
        }
  }

  #apply(): void {
    if (this.consumer !== undefined) this.consumer.open = this.open
    this.#onFewer?.()
  }
}
