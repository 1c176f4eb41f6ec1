import { abortable, callable, callback, known } from '../core/check.ts'
import type { Micros } from '../core/duration.ts'
import { CircuitBreakerOpen } from '../core/errors.ts'
import { Events, type Listener } from '../core/events.ts'
import type { Labels } from '../core/meter.ts'
import { withoutStack } from '../core/without-stack.ts'
import { BreakerMachine } from './breaker-machine.ts'
import { BreakerMeter } from './breaker-meter.ts'
import {
  type BreakerSettings,
  breakerSettings,
  type CircuitBreakerOptions,
} from './breaker-options.ts'
import { BreakerSeries } from './breaker-series.ts'
import { BreakerTally } from './breaker-tally.ts'
import {
  BREAKER_CALL_OPTIONS,
  BREAKER_EVENTS,
  type BreakerCallOptions,
  type BreakerChange,
  type BreakerEvents,
  type BreakerSnapshot,
  type BreakerState,
  type BreakerStats,
} from './breaker-types.ts'
import { COUNTED, FAILED, GOOD, IGNORED, NEUTRAL, type Outcome, SLOW } from './outcome.ts'
import type { RunningCall } from './running-calls.ts'

/** The start time of a call that is not timed. */
const UNTIMED: Micros = -Infinity

/**
 * Stops calls to a service that keeps failing, and tests with few calls whether it works again
 * (M. Nygard, Release It!, 2007).
 *
 *               too many failures                     timeout is over
 *     closed  ───────────────────▶  open  ───────────────────────────────▶  half_open
 *       ▲                            ▲                                       │     │
 *       │                            └────────────── a probe failed ─────────┘     │
 *       └───────────────────────────── `halfOpenCalls` probes succeeded ───────────┘
 *
 * and `isolated`, by `isolate()`, from any state, until what it returned is disposed of.
 *
 * - Each change of state begins a new *generation*. A call belongs to the generation in which it began. When it ends in a later
 *   one, it changes nothing: a late success does not close the breaker, and a late failure does not open it.
 * - A half-open breaker lets `halfOpenCalls` probes through and refuses all other calls. A probe that hangs loses its
 *   place after `probeLease`.
 * - An error that is no failure, by `expectedError` or `ignoredError`, counts as a success: the other side has answered.
 * - A call that runs for longer than `slowCall` is counted as slow when the next call comes, before it has ended. So calls that hang
 *   open the breaker. The end of such a call does not count it again.
 * - A call that the caller cancels through its own `signal` is neither a success nor a failure. An `AbortError` of another
 *   origin, such as a timeout inside the function, is an error like any other.
 *
 * A call costs O(1). There is no timer and nothing to stop: a change of state that time brings is made at the next call or read.
 *
 * @example
 * const breaker = new CircuitBreaker({ failureThreshold: 5, timeout: '30s' })
 * try {
 *   const user = await breaker.call(() => fetchUser(id))
 * } catch (error) {
 *   if (!isAioFluxError(error, 'CIRCUIT_OPEN')) throw error
 *   console.log(`try again in ${error.retryAfter} s`)
 * }
 *
 * @example
 * // Half of at least 20 calls of the last 10 seconds; 5xx are failures; open for 5, 10, 20, ... 60 seconds.
 * new CircuitBreaker({
 *   failureRate: 0.5, window: '10s', minimumCalls: 20,
 *   failedResult: (response) => (response as Response).status >= 500,
 *   timeout: '5s', timeoutFactor: 2, maxTimeout: '1m',
 * })
 */
export class CircuitBreaker {
  readonly name: string
  readonly #settings: BreakerSettings
  readonly #machine: BreakerMachine
  readonly #events = new Events<BreakerEvents>(BREAKER_EVENTS)
  readonly #tally: BreakerTally
  /** True when a call must be timed even without listeners. */
  readonly #timed: boolean
  readonly #meter: BreakerMeter | undefined
  /** The series that no other breaker counts in. */
  readonly #ownSeries: BreakerSeries | undefined
  #onResult!: (result: unknown) => unknown
  #onError!: (error: unknown) => never

  /** @throws OptionTypeError | OptionRangeError naming the option and its value */
  constructor(options?: CircuitBreakerOptions)
  /** @internal @param counted the labels of its series, or series that it shares with other breakers */
  constructor(options: CircuitBreakerOptions, counted: Labels | BreakerSeries)
  constructor(options: CircuitBreakerOptions = {}, counted?: Labels | BreakerSeries) {
    this.#settings = breakerSettings(options)
    this.name = this.#settings.name
    this.#timed = this.#settings.slowCall < Infinity
    this.#machine = new BreakerMachine(this.#settings, this.#events, (generation) =>
      this.#meetCalls(generation),
    )
    const { metrics } = this.#settings
    if (metrics !== undefined) {
      const shared = counted instanceof BreakerSeries
      this.#ownSeries = shared
        ? undefined
        : new BreakerSeries(metrics, counted ?? { breaker: this.name }, this)
      const series = shared ? counted : (this.#ownSeries as BreakerSeries)
      this.#events.meter()
      this.#meter = new BreakerMeter(series, this.#machine)
    }
    this.#tally = new BreakerTally(this.name, this.#events, this.#meter)
  }

  /**
   * Runs `fn` and returns its result. While the breaker is open, rejects and does not run `fn`.
   *
   * @throws CircuitBreakerOpen when the breaker rejects the call
   * @throws the reason of `signal`, without running `fn`, when `signal` has aborted before
   * @throws the error of `fn`
   */
  call<T>(
    fn: (signal?: AbortSignal) => T | PromiseLike<T>,
    options?: BreakerCallOptions<T>,
  ): Promise<T> {
    const sampled = this.#meter?.sampling.due() === true
    const timed = sampled || this.#timed || this.#events.listened
    const plain = options === undefined && typeof fn === 'function'
    if (timed || !plain || this.#machine.state !== 'closed') {
      return this.#watch(fn, options, timed, sampled)
    }
    this.#tally.admitted += 1
    let promise: Promise<T>
    try {
      promise = Promise.resolve(fn())
    } catch (error) {
      promise = Promise.reject(error)
    }
    // One promise and nothing else: an async function round `fn` would cost twice as much.
    return promise.then(this.#onResult as (result: T) => T, this.#onError)
  }

  /** The longer way: a call that is timed or has options, or that comes while the breaker is not closed. */
  async #watch<T>(
    fn: (signal?: AbortSignal) => T | PromiseLike<T>,
    options: BreakerCallOptions<T> | undefined,
    timed: boolean,
    sampled: boolean,
  ): Promise<T> {
    callable('fn', fn)
    if (options !== undefined) known('breaker.call', options, BREAKER_CALL_OPTIONS)
    callback('fallback', options?.fallback)
    const signal = abortable(options?.signal)
    signal?.throwIfAborted()
    const machine = this.#machine
    const began = timed ? machine.now() : UNTIMED
    if (this.#timed && machine.state === 'closed') machine.countSlow(began)
    const probe = machine.state === 'closed' ? 0 : machine.enter()
    if (probe < 0) return this.#refuse(options)
    const { generation } = machine
    if (sampled) this.#meter?.sampling.began(began)
    this.#tally.admitted += 1
    const running = this.#timed && probe === 0 ? machine.began(began) : undefined
    let result: T
    try {
      result = await fn(signal)
    } catch (error) {
      this.#threw(error, signal, generation, probe, began, running)
      if (options?.fallback !== undefined && !signal?.aborted) return options.fallback(error)
      throw error
    }
    this.#returned(result, generation, probe, began, running)
    return result
  }

  /** The state that a call would find now: an open breaker is `half_open` once its time is over. */
  get state(): BreakerState {
    return this.#machine.seen
  }

  /** Seconds since the present state began. The change from open to half open is made, and counted, when a call comes. */
  get stateAge(): number {
    return this.#machine.age / 1e6
  }

  /** The error that opened the breaker, until it closes; `undefined` when a result or a slow call opened it. */
  get lastError(): unknown {
    return this.#machine.lastError
  }

  /** Seconds until a call may pass: 0 when it may now, `Infinity` while isolated. */
  get retryAfter(): number {
    return this.#machine.retryAfter
  }

  /** Counts since the start, and the calls in the window. */
  stats(): BreakerStats {
    const { rule, opened } = this.#machine
    const { inARow, window } = rule
    window?.roll(this.#machine.now())
    return {
      name: this.name,
      state: this.state,
      retryAfter: this.retryAfter,
      ...this.#tally.counts(),
      opened,
      failuresInARow: inARow,
      probes: this.#machine.probes,
      window: { calls: window?.calls ?? 0, failed: window?.failed ?? 0, slow: window?.slow ?? 0 },
    }
  }

  /** The latest 20 changes of its state, oldest first. A probe that failed is `open` after `half_open`. */
  changes(): BreakerChange[] {
    return this.#machine.changes()
  }

  /** Opens it now, as if it had failed too often. An isolated breaker stays isolated. */
  trip(): void {
    this.#machine.trip()
  }

  /** Closes the breaker now, and forgets its counts and every `isolate`. */
  reset(): void {
    this.#machine.reset()
  }

  /**
   * Rejects all calls until the returned object is disposed of. Several may isolate at once: the breaker closes when the last one
   * ends.
   *
   * @example
   * using maintenance = breaker.isolate()
   */
  isolate(): Disposable {
    return this.#machine.isolate()
  }

  /**
   * The state as plain JSON, for {@link import} after a restart or in another process. The rest of the open time runs on from the
   * moment of import. Failures in a row are part of it; the calls in the window are not.
   */
  export(): BreakerSnapshot {
    return this.#machine.export()
  }

  /**
   * Goes on from a state that was exported. Calls that run now change nothing when they end. Emits no event, except `isolated`.
   * An imported isolation ends with {@link reset}.
   */
  import(snapshot: BreakerSnapshot): void {
    this.#machine.import(snapshot)
  }

  /** Calls `listener` on each event. @returns a function that ends this */
  on<Name extends keyof BreakerEvents>(
    event: Name,
    listener: Listener<BreakerEvents[Name]>,
  ): () => void {
    return this.#events.on(event, listener)
  }

  /** @internal True when nothing is lost by forgetting it after a while: it is closed and no call runs. */
  get resting(): boolean {
    return this.#machine.state === 'closed' && this.#tally.running === 0
  }

  /** @internal Removes its metrics: a registry has forgotten it. */
  end(): void {
    this.#meter?.end()
    this.#ownSeries?.end()
  }

  #refuse<T>(options: BreakerCallOptions<T> | undefined): T | PromiseLike<T> {
    const { retryAfter, lastError } = this.#machine
    this.#tally.refused(retryAfter)
    const cause = lastError === undefined ? undefined : { cause: lastError }
    const error = withoutStack(() => new CircuitBreakerOpen(this.name, retryAfter, cause))
    if (options?.fallback === undefined) throw error
    return options.fallback(error)
  }

  #returned(
    result: unknown,
    generation: number,
    probe: number,
    began: Micros,
    running: RunningCall | undefined,
  ): void {
    const fails = this.#settings.failedResult
    const outcome = fails ? this.#judge(fails, result, generation, probe, began, running) : GOOD
    this.#settle(outcome, generation, probe, began, undefined, running)
  }

  #threw(
    error: unknown,
    signal: AbortSignal | undefined,
    generation: number,
    probe: number,
    began: Micros,
    running: RunningCall | undefined,
  ): void {
    const { expected, ignored } = this.#settings
    const asks = (filter: (error: unknown) => boolean) =>
      this.#judge(filter, error, generation, probe, began, running) === FAILED
    const fails = () => (!expected || asks(expected)) && !(ignored && asks(ignored))
    const outcome = signal?.aborted ? NEUTRAL : fails() ? FAILED : IGNORED
    this.#settle(outcome, generation, probe, began, error, running)
  }

  /** Calls a predicate of the user. When it throws, the call counts as neither success nor failure, and the caller gets that error. */
  #judge<V>(
    predicate: (value: V) => boolean,
    value: V,
    generation: number,
    probe: number,
    began: Micros,
    running: RunningCall | undefined,
  ): Outcome {
    try {
      return predicate(value) ? FAILED : GOOD
    } catch (error) {
      this.#settle(NEUTRAL, generation, probe, began, error, running)
      throw error
    }
  }

  /** One call has ended. */
  #settle(
    ended: Outcome,
    generation: number,
    probe: number,
    began: Micros,
    error: unknown,
    running: RunningCall | undefined,
  ): void {
    if (running !== undefined) this.#machine.ended(running)
    let outcome = ended
    let now = 0
    let took: Micros | undefined
    if (began > UNTIMED) {
      now = this.#machine.now()
      took = now - began
      if (took > this.#settings.slowCall && outcome !== NEUTRAL) {
        outcome |= this.#settings.slowFails ? FAILED | SLOW : SLOW
      }
    } else if (this.#machine.rule.timed) {
      now = this.#machine.now()
    }
    const stale = !this.#machine.leave(generation, probe)
    this.#tally.ended(outcome, stale, took, error)
    if (stale || outcome === NEUTRAL) return
    const counted = running?.counted
    if (counted === undefined) this.#machine.take(outcome & COUNTED, probe, now, error)
    else this.#machine.takeCounted(outcome & COUNTED, counted, now, error)
  }

  /** Makes the two functions that end the calls of one closed generation, once for all of them. */
  #meetCalls(generation: number): void {
    const plain = this.#settings.failedResult === undefined
    this.#onResult = (result) => {
      // The common case, a success without listeners, in one step.
      if (plain && !this.#events.listened && this.#machine.pass(generation)) this.#tally.passed()
      else this.#returned(result, generation, 0, UNTIMED, undefined)
      return result
    }
    this.#onError = (error) => {
      this.#threw(error, undefined, generation, 0, UNTIMED, undefined)
      throw error
    }
  }
}
