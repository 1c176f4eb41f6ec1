import { at, type Cancel, type Clock, isDue } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { JobTimeoutError } from '../../core/errors.ts'
import { type BatchFunction, type BatchItems, runBatch } from '../batching/batch.ts'
import type { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'
import { Consumer, type LoopState } from './consumer.ts'
import { known } from './current-job.ts'
import type { Source } from './source.ts'

/** How items are put together. */
export interface Batching {
  size: number
  /** How long the first item waits for others at most. */
  fill: Millis
  // biome-ignore lint/suspicious/noExplicitAny: the consumer does not look into items.
  run: BatchFunction<any, any>
  bisect: boolean
}

/** How long a batch may take. */
export interface BatchLimits {
  clock: Clock
  timeout: Millis
  releaseOnTimeout: boolean
}

/** Works on one batch after the other. Never rejects. */
type Loop = () => Promise<void>

/**
 * Workers that handle a batch at a time each. Items wait in the queue until there are enough of them, or the first one has
 * waited long enough; so they can still be cancelled, pulled or dropped.
 *
 * Where something could run there is a worker, a timer, or a closed gate that will open: a worker that finds nothing due sets
 * the timer before it rests, and the timer rings at once where the moment has come meanwhile.
 */
export class BatchConsumer extends Consumer<Loop> {
  readonly #batching: Batching
  readonly #limits: BatchLimits
  #hurried = false
  /** True while a batch is put together: what changes in the source is its own doing. */
  #claiming = false
  #cancelTimer: Cancel | undefined

  constructor(source: Source, batching: Batching, attempts: Attempts, limits: BatchLimits) {
    super(source, attempts, limits.clock)
    this.#batching = batching
    this.#limits = limits
  }

  protected override makeLoop(state: LoopState, over: () => void): Loop {
    const named: Record<string, Loop> = {
      [state.name]: async () => {
        while (this.mayGoOn() && this.hasWork()) {
          const claimed = this.#claim()
          if (claimed.length === 0) break
          const batch = this.#wanted(claimed)
          const released = batch.length > 0 && (await this.#run(batch, state))
          state.laps += 1
          if (released) return over()
        }
        over()
        this.#leave()
      },
    }
    return named[state.name] as Loop
  }

  protected override work(): void {
    void this.takeLoop()()
  }

  #leave(): void {
    this.rest()
    this.#arm()
  }

  override wake(): void {
    if (this.#claiming) return
    // The timer rings when the first one has waited long enough; until then there is only the number to look at.
    if (this.source.ready < this.#batching.size && this.#cancelTimer !== undefined) return
    super.wake()
    this.#arm()
  }

  /** The queue is about to end: nothing waits for company any more. */
  override hurry(): void {
    this.#hurried = true
    this.#disarm()
  }

  protected override hasWork(): boolean {
    const { ready } = this.source
    if (ready >= this.#batching.size) return true
    return ready > 0 && (this.#hurried || isDue(this.#due(), this.#limits.clock.now()))
  }

  /** Answers whether the worker was given to another batch meanwhile. */
  async #run(batch: Attempt[], state: LoopState): Promise<boolean> {
    let released = false
    const held = new BatchAttempts(batch, this.attempts)
    const cancelTimer = this.#limit(batch, held, () => {
      if (!this.#limits.releaseOnTimeout) return
      released = true
      state.laps += 1
      this.#leave()
      this.wake()
    })
    const { run, bisect } = this.#batching
    const items = batch.map(({ job }) => job.item as unknown)
    await this.enter(
      known(() => runBatch(run, items, bisect, held)),
      batch[0] as Attempt,
    )
    cancelTimer?.()
    return released
  }

  /** A batch that runs too long fails as a whole: longer than any of its jobs may. */
  #limit(batch: Attempt[], held: BatchAttempts, release: () => void): Cancel | undefined {
    const { clock } = this.#limits
    let timeout = Infinity
    for (const { job } of batch) {
      timeout = Math.min(timeout, job.extras?.timeout ?? this.#limits.timeout)
    }
    if (timeout === Infinity) return undefined
    return at(clock, clock.now() + timeout, () => {
      // First, since a job that is tried again may begin at once.
      const expired = ({ id }: Attempt) =>
        new JobTimeoutError(
          id,
          timeout / 1000,
          batch.length > 1 ? `the batch of job ${id}` : undefined,
        )
      held.abort(expired(batch[0] as Attempt))
      const late = batch.filter(({ decided }) => !decided)
      // As with single jobs: the worker stays with a function whose jobs were cancelled before.
      const goesOn = !late.some((attempt) => held.holds(attempt))
      for (const attempt of late) {
        this.attempts.expire(attempt, expired(attempt))
        held.calledOff(attempt)
      }
      if (goesOn) return
      if (this.#limits.releaseOnTimeout) for (const attempt of batch) this.attempts.letGo(attempt)
      release()
    })
  }

  #claim(): Attempt[] {
    const { size } = this.#batching
    const batch: Attempt[] = []
    this.#claiming = true
    while (batch.length < size) {
      const attempt = this.source.take(size - batch.length, batch.length > 0, this.stays)
      if (attempt === undefined) break
      this.attempts.begin(attempt)
      batch.push(attempt)
    }
    this.#claiming = false
    return batch
  }

  /** The same list, but for jobs that a listener of the limiter has ended while others were claimed for their batch. */
  #wanted(claimed: Attempt[]): Attempt[] {
    if (!claimed.some(isDecided)) return claimed
    return claimed.filter((attempt) => !attempt.decided || this.attempts.reap(attempt))
  }

  /** When the first item that waits has waited long enough. */
  #due(): Millis {
    return this.source.since + this.#batching.fill
  }

  /** One timer, for the first item that waits. It is only moved when it rings. */
  #arm(): void {
    if (!this.open || this.#hurried || this.source.ready === 0) return this.#disarm()
    // Where no worker is free, one that ends looks again. Whether the batch is due is not asked a second time here: its moment
    // may have come since the workers were woken, and then the timer rings at once.
    if (this.#cancelTimer !== undefined || !this.free()) return
    this.#cancelTimer = at(this.#limits.clock, this.#due(), () => {
      this.#cancelTimer = undefined
      this.wake()
    })
  }

  #disarm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }
}

/**
 * The attempts of a batch, as the function sees them that works on all of them, or on one half after the other.
 *
 * While one half of a failed batch is tried, no function holds the items of the other: an item that is cancelled meanwhile
 * gives its permit and its place in its group back at once.
 */
class BatchAttempts implements BatchItems {
  readonly #batch: readonly Attempt[]
  readonly #attempts: Attempts
  /** The attempts whose items a function holds now; `undefined` while it holds all of them. */
  #half: ReadonlySet<Attempt> | undefined
  #controller: AbortController | undefined
  #watches = false

  constructor(batch: readonly Attempt[], attempts: Attempts) {
    this.#batch = batch
    this.#attempts = attempts
  }

  /** Aborts when all jobs that the function holds are cancelled, or the batch runs too long. */
  signal(): AbortSignal {
    this.#controller ??= new AbortController()
    this.#watch()
    for (const attempt of this.#held) if (isUnwanted(attempt)) this.#unwanted(attempt.signal.reason)
    return this.#controller.signal
  }

  settle(index: number, well: boolean, value: unknown): void {
    const attempt = this.#batch[index] as Attempt
    if (well) void this.#attempts.complete(attempt, value)
    else void this.#attempts.fail(attempt, value)
  }

  wanted(index: number): boolean {
    return this.#batch[index]?.decided === false
  }

  halved(half: readonly number[]): void {
    this.#half = new Set(half.map((index) => this.#batch[index] as Attempt))
    this.#controller = undefined
    this.#watch()
    for (const attempt of this.#batch) if (attempt.decided) this.calledOff(attempt)
  }

  /** The function is told that its work is not wanted any more. */
  abort(reason: unknown): void {
    this.#controller?.abort(reason)
  }

  /** An attempt was decided without the function. */
  calledOff(attempt: Attempt): void {
    if (this.holds(attempt)) this.#unwanted(attempt.signal.reason)
    else this.#attempts.reap(attempt)
  }

  /** True while the function has its item. */
  holds(attempt: Attempt): boolean {
    return this.#half?.has(attempt) ?? true
  }

  get #held(): Iterable<Attempt> {
    return this.#half ?? this.#batch
  }

  #unwanted(reason: unknown): void {
    if ([...this.#held].every(isUnwanted)) this.abort(reason)
  }

  #watch(): void {
    if (this.#watches) return
    this.#watches = true
    for (const attempt of this.#batch) {
      attempt.signal.addEventListener('abort', () => this.calledOff(attempt), { once: true })
    }
  }
}

function isDecided({ decided }: Attempt): boolean {
  return decided
}

/** A job that was cancelled elsewhere is not decided until its function ends, and is not wanted all the same. */
function isUnwanted({ decided, aborted }: Attempt): boolean {
  return decided || aborted
}
