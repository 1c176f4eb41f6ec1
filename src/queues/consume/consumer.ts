import { objects } from '../../core/array-kinds.ts'
import { noContext, noticeContext } from '../../core/async-context.ts'
import type { Clock } from '../../core/clock.ts'
import { EventLoopPace } from '../../core/event-loop-pace.ts'
import { macrotask } from '../../core/macrotask.ts'
import type { Handler } from '../job.ts'
import { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'
import { awaiterOf } from './call-sites.ts'
import { currentJob } from './current-job.ts'
import type { Source } from './source.ts'

/** The loop of a worker, as far as others look at it. */
export interface LoopState {
  /** The name of its function, which nothing else has. */
  readonly name: string
  /** How many handlers it has waited for: until they ended, or ran so long that it was given to another job. */
  laps: number
  /** Stands for the handler that it waits for; made when a handler is first looked for. */
  lap: Lap | undefined
}

/** One handler that a worker waits for. */
interface Lap {
  /** `undefined` where several workers share a name. */
  readonly worker: LoopState | undefined
  readonly number: number
}

/** What stands for one call of a handler: its attempt in its first part, and after that the lap of its worker. */
export type HandlerCall = Attempt | Lap

let consumers = 0
/** More loops than that at once share one name: each name costs memory for as long as the queue lives. */
const MOST_NAMES = 4096

/**
 * The workers: takes jobs from a source and runs them. At most `workers` at a time.
 *
 * A worker is an async loop that lives as long as there is work. Each loop has a name of its own, by which the stack of awaits tells
 * which worker awaits a call. `wake` is the only way in, and does nothing when called
 * from inside itself: a handler that puts does not start handlers on its own stack, so no chain of puts, however long,
 * overflows it.
 */
export abstract class Consumer<Loop extends object = object> {
  readonly source: Source
  readonly attempts: Attempts
  /** What the names of its workers' loops begin with, and no other name does. */
  protected readonly label: string = `queue #${++consumers} worker `
  readonly #pace: EventLoopPace
  readonly #idleLoops: Loop[] = objects()
  /** By the names of the loops. */
  readonly #loopStates = new Map<string, LoopState>()
  #unnamed: Loop | undefined
  #workers = 0
  #open = false
  #breathing = false
  /** How many workers may be at work now: none while the queue is closed, or while the event loop breathes. */
  #allowed = 0
  /** Workers at work, also workers whose job was decided without them. */
  loops = 0
  /** True while a worker is being started, or the first part of a handler runs: then jobs only line up. */
  protected busy = false
  /** True while the first part of a handler runs. */
  handling = false
  /** The attempt whose handler was entered last, on any way but the direct one. */
  #entered: Attempt | undefined
  /** Called when a worker has come to rest; set only while it is needed. */
  onRest: (() => void) | undefined
  /** What is to be told when the first part of the handler that runs is over. */
  #onLeft: ((attempt: Attempt) => void) | undefined
  protected expected = false
  /** True where a worker that was let go on may still begin a job. */
  protected readonly stays: () => boolean = () => this.loops <= this.#allowed

  constructor(source: Source, attempts: Attempts, clock: Clock) {
    this.source = source
    this.attempts = attempts
    this.#pace = new EventLoopPace(clock)
  }

  /**
   * A worker: works until there is no work for it, then rests. What waits for handlers is a loop of {@link takeLoop}.
   */
  protected abstract work(): void
  /** Makes a loop: an async function of that name, which counts its laps, and calls `over` when it has ended. */
  protected abstract makeLoop(state: LoopState, over: () => void): Loop
  /** True where there may be something a worker could begin now. */
  protected abstract hasWork(): boolean

  get workers(): number {
    return this.#workers
  }

  /** More workers begin at once; fewer take effect as jobs end. */
  set workers(workers: number) {
    this.#workers = workers
    noticeContext()
    this.#allow()
    this.wake()
  }

  get open(): boolean {
    return this.#open
  }

  set open(open: boolean) {
    this.#open = open
    noticeContext()
    this.#allow()
    this.wake()
  }

  /** True where the caller is a handler of this queue, or called by one. */
  insideHandler(): boolean {
    return this.callingHandler() !== undefined
  }

  /**
   * The call of a handler of this queue that is the caller, or has called it; `undefined` where none has.
   *
   * After an `await` in the handler only its async context can tell, or its stack of awaits, as engines write it into
   * errors.
   *
   * @param thorough false where the stack, which takes microseconds to read, is not worth it
   */
  callingHandler(thorough = true): HandlerCall | undefined {
    const caller = this.caller()
    if (caller !== undefined) return caller
    if (this.handling) return this.attempts.inline ?? this.#entered
    const name = thorough ? awaiterOf(this.label) : undefined
    if (name === undefined) return undefined
    const worker = this.#loopStates.get(name)
    if (worker === undefined) return { worker, number: 0 }
    const { laps } = worker
    if (worker.lap?.number !== laps) worker.lap = { worker, number: laps }
    return worker.lap
  }

  /** True until that handler has ended, as far as is known. */
  isUnderWay(call: HandlerCall): boolean {
    if (call instanceof Attempt) return this.attempts.inline === call || this.attempts.holds(call)
    return call.worker === undefined || call.worker.laps === call.number
  }

  /** The attempt whose handler is the caller, where the engine can tell. */
  caller(): Attempt | undefined {
    const attempt = currentJob() as Attempt | undefined
    return attempt !== undefined && this.attempts.holds(attempt) ? attempt : undefined
  }

  /** Tells `run` whose handler it was, as soon as its first part is over. Only to be called from inside one. */
  whenLeft(run: (attempt: Attempt) => void): void {
    this.#onLeft = run
    this.expected = true
  }

  /** False while workers are being started, or wait until the event loop has breathed. */
  get settled(): boolean {
    return !this.busy && !this.#breathing
  }

  protected left(attempt: Attempt): void {
    const run = this.#onLeft
    this.#onLeft = undefined
    this.expected = false
    run?.(attempt)
  }

  /** The queue is about to end. */
  hurry(): void {}

  /** There may be work. */
  wake(): void {
    if (this.busy || !this.free()) return
    this.busy = true
    while (this.free() && this.hasWork()) {
      this.loops += 1
      this.work()
    }
    this.busy = false
  }

  /** How many jobs could be begun now, by the worker that asks and by the idle ones. */
  protected get want(): number {
    return this.#workers - this.loops + 1
  }

  /** True where another worker may begin. */
  protected free(): boolean {
    return this.loops < this.#allowed
  }

  /** True where this worker may take another job. */
  protected mayGoOn(): boolean {
    return this.loops <= this.#allowed && this.paced(this.source.ready > 1)
  }

  /**
   * True while there is time for another job before the event loop has to breathe.
   *
   * @param backlog true where other jobs wait than the one that is to begin
   */
  protected paced(backlog: boolean): boolean {
    return !this.#pace.spent(backlog) || this.#breathe()
  }

  /** Apart from {@link paced}, so that a job that begins costs no closure. */
  #breathe(): false {
    this.#breathing = true
    this.#allow()
    macrotask(() => {
      this.#breathing = false
      this.#allow()
      this.wake()
    })
    return false
  }

  #allow(): void {
    this.#allowed = this.#open && !this.#breathing ? this.#workers : 0
  }

  /** A loop that is not at work. */
  protected takeLoop(): Loop {
    return this.#idleLoops.pop() ?? this.#anotherLoop()
  }

  #anotherLoop(): Loop {
    const states = this.#loopStates
    if (states.size === MOST_NAMES) {
      this.#unnamed ??= this.makeLoop({ name: this.label, laps: 0, lap: undefined }, () => {})
      return this.#unnamed
    }
    const name = `${this.label}${states.size + 1}`
    const state: LoopState = { name, laps: 0, lap: undefined }
    states.set(name, state)
    const loop: Loop = this.makeLoop(state, () => {
      this.#idleLoops.push(loop)
    })
    return loop
  }

  /** A worker has ended. */
  protected rest(): void {
    this.loops -= 1
    if (this.onRest !== undefined) this.onRest()
  }

  /** Runs the part of a handler that comes before its first `await`: what it puts meanwhile is begun afterwards. */
  protected enter(handler: Handler, attempt: Attempt): unknown {
    const outer = this.busy
    this.busy = true
    this.handling = true
    this.#entered = attempt
    const { job } = attempt
    try {
      // A job without a context must not run in that of the job before, or of the caller that woke the worker.
      const context = job.extras?.context ?? noContext()
      return context === undefined
        ? handler(job.item, attempt)
        : context.runInAsyncScope(handler, undefined, job.item, attempt)
    } finally {
      this.handling = false
      if (this.expected) this.left(attempt)
      this.busy = outer
      if (!outer && this.hasWork()) this.wake()
    }
  }
}
