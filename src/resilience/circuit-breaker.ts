import type { Micros } from '../core/duration.ts'
import { CircuitBreakerOpen, describe, OptionTypeError } from '../core/errors.ts'
import { Events, type Listener } from '../core/events.ts'
import {
  type BreakerSettings,
  breakerSettings,
  type CircuitBreakerOptions,
} from './breaker-options.ts'
import type {
  BreakerCallOptions,
  BreakerEvents,
  BreakerSnapshot,
  BreakerState,
  BreakerStats,
} from './breaker-types.ts'
import { FAILED, GOOD, NEUTRAL, type Outcome, SLOW } from './outcome.ts'
import { Probes } from './probes.ts'
import { checkSnapshot } from './snapshot.ts'
import { TripRule } from './trip-rule.ts'

/** When a call began that is not timed. */
const UNTIMED: Micros = -Infinity

/**
 * Stops calling what keeps failing, and finds out gently whether it works again
 * (M. Nygard, Release It!, 2007).
 *
 *               too many failures                     timeout is over
 *     closed  ───────────────────▶  open  ───────────────────────────────▶  half_open
 *       ▲                            ▲                                       │     │
 *       │                            └────────────── a probe failed ─────────┘     │
 *       └───────────────────────────── `halfOpenCalls` probes succeeded ───────────┘
 *
 * and `isolated`, by hand, from any state, until whoever isolated it lets go.
 *
 * - Each change of state begins a new *generation*. A call belongs to the one it began in; ending in a later one it
 *   changes nothing, so a late success does not close a breaker, nor a late failure open it.
 * - A half-open breaker lets `halfOpenCalls` probes through and refuses everybody else. A probe that hangs loses its
 *   place after `probeLease`.
 * - What the caller cancels through his own `signal` is neither a success nor a failure. An `AbortError` of another
 *   origin, such as a timeout inside the function, is an error like any other.
 *
 * A call costs O(1); nothing is sorted, and there is no timer: what time brings about happens when somebody asks.
 * There is nothing to stop.
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
  readonly #rule: TripRule
  readonly #probes: Probes
  readonly #events = new Events<BreakerEvents>()
  /** Must a call be timed even while nobody listens? */
  readonly #timed: boolean
  #state: BreakerState = 'closed'
  #generation = 0
  /** When an open breaker lets a probe through. */
  #openUntil: Micros = 0
  /** How many times it has opened without closing. */
  #trips = 0
  #isolations = new Set<object>()
  #lastError: unknown
  #onResult!: (result: unknown) => unknown
  #onError!: (error: unknown) => never

  #admitted = 0
  #succeeded = 0
  #failed = 0
  #slow = 0
  #ignored = 0
  #stale = 0
  #refused = 0
  #opened = 0

  /** @throws OptionTypeError | OptionRangeError naming the option and its value */
  constructor(options: CircuitBreakerOptions = {}) {
    this.#settings = breakerSettings(options)
    this.name = this.#settings.name
    this.#rule = new TripRule(this.#settings.limits)
    this.#probes = new Probes(this.#settings.halfOpenCalls, this.#settings.probeLease)
    this.#timed = this.#settings.slowCall < Infinity
    this.#meetCalls(0)
  }

  /**
   * Runs `fn` and returns what it returns; refuses to while the breaker is open.
   *
   * @throws CircuitBreakerOpen when it is refused
   * @throws the reason of `signal`, and runs nothing, when that has aborted before
   * @throws what `fn` throws
   */
  call<T>(
    fn: (signal?: AbortSignal) => T | PromiseLike<T>,
    options?: BreakerCallOptions<T>,
  ): Promise<T> {
    if (this.#state !== 'closed' || options !== undefined || this.#timed || this.#events.heard) {
      return this.#watch(fn, options)
    }
    if (typeof fn !== 'function') return Promise.reject(noFunction(fn))
    this.#admitted += 1
    let promise: Promise<T>
    try {
      promise = Promise.resolve(fn())
    } catch (error) {
      promise = Promise.reject(error)
    }
    // One promise and nothing else: an async function round `fn` would cost twice as much.
    return promise.then(this.#onResult as (result: T) => T, this.#onError)
  }

  /** A call that has more to it than to succeed or to fail while the breaker is closed. */
  async #watch<T>(
    fn: (signal?: AbortSignal) => T | PromiseLike<T>,
    options: BreakerCallOptions<T> | undefined,
  ): Promise<T> {
    if (typeof fn !== 'function') throw noFunction(fn)
    const signal = options?.signal
    signal?.throwIfAborted()
    const probe = this.#state === 'closed' ? 0 : this.#enter()
    if (probe < 0) return this.#refuse(options)
    const generation = this.#generation
    const began = this.#timed || this.#events.heard ? this.#now() : UNTIMED
    this.#admitted += 1
    let result: T
    try {
      result = await fn(signal)
    } catch (error) {
      this.#threw(error, signal, generation, probe, began)
      if (options?.fallback !== undefined && !signal?.aborted) return options.fallback(error)
      throw error
    }
    this.#returned(result, generation, probe, began)
    return result
  }

  /** What a call would meet now: an open breaker whose time is over is `half_open`. */
  get state(): BreakerState {
    if (this.#state === 'open' && this.#now() >= this.#openUntil) return 'half_open'
    return this.#state
  }

  /** Seconds until a call may pass: 0 when it may now, `Infinity` while isolated. */
  get retryAfter(): number {
    if (this.#state === 'isolated') return Infinity
    if (this.#state === 'closed') return 0
    const now = this.#now()
    const until = this.#state === 'open' ? this.#openUntil : this.#probes.freeAt(now)
    return Math.max(0, until - now) / 1e6
  }

  /** Counts since the start, and how the window stands. */
  stats(): BreakerStats {
    const { inARow, window } = this.#rule
    window?.roll(this.#now())
    return {
      name: this.name,
      state: this.state,
      retryAfter: this.retryAfter,
      admitted: this.#admitted,
      succeeded: this.#succeeded,
      failed: this.#failed,
      slow: this.#slow,
      ignored: this.#ignored,
      stale: this.#stale,
      running: this.#admitted - this.#succeeded - this.#failed - this.#ignored - this.#stale,
      refused: this.#refused,
      opened: this.#opened,
      failuresInARow: inARow,
      window: { calls: window?.calls ?? 0, failed: window?.failed ?? 0, slow: window?.slow ?? 0 },
    }
  }

  /** Opens it now, as if it had failed too often. An isolated breaker stays isolated. */
  trip(): void {
    if (this.#state !== 'isolated') this.#open(undefined)
  }

  /** Closes it now and forgets what it has counted, and whoever isolated it. */
  reset(): void {
    this.#isolations.clear()
    this.#close()
  }

  /**
   * Lets nothing through until what it returns is disposed of. Several may isolate at once: it ends, closed, with the
   * last of them.
   *
   * @example
   * using maintenance = breaker.isolate()
   */
  isolate(): Disposable {
    const hold: Disposable = {
      [Symbol.dispose]: () => {
        if (this.#isolations.delete(hold) && this.#isolations.size === 0) this.#close()
      },
    }
    this.#isolations.add(hold)
    if (this.#state !== 'isolated') {
      this.#begin('isolated')
      if (this.#events.heard) this.#events.emit('isolated', { name: this.name })
    }
    return hold
  }

  /**
   * The state as JSON can keep it, for {@link import} after a restart or elsewhere. What is left of the open time
   * counts on from the moment of import; the calls in the window are not part of it.
   */
  export(): BreakerSnapshot {
    const { state } = this
    return {
      state,
      trips: this.#trips,
      retryAfter: state === 'open' ? this.retryAfter : 0,
      passed: this.#state === 'half_open' ? this.#probes.passed : 0,
    }
  }

  /**
   * Goes on from a state that was exported. Calls that are running now belong to the past. Says nothing to
   * listeners, unless it isolates; that then ends with {@link reset}.
   */
  import(snapshot: BreakerSnapshot): void {
    checkSnapshot(snapshot, this.#settings.halfOpenCalls)
    this.#isolations.clear()
    this.#rule.clear()
    this.#lastError = undefined
    this.#trips = snapshot.trips
    this.#openUntil = this.#now() + Math.ceil(snapshot.retryAfter * 1e6)
    this.#probes.begin(snapshot.passed)
    if (snapshot.state === 'isolated') this.isolate()
    else this.#begin(snapshot.state)
  }

  /** Listens; returns the way to stop listening. */
  on<Name extends keyof BreakerEvents>(
    event: Name,
    listener: Listener<BreakerEvents[Name]>,
  ): () => void {
    return this.#events.on(event, listener)
  }

  /** The ticket of a probe, above 0; -1 for no. Only for a breaker that is not closed. */
  #enter(): number {
    if (this.#state === 'isolated') return -1
    const now = this.#now()
    if (this.#state === 'open') {
      if (now < this.#openUntil) return -1
      this.#begin('half_open')
      this.#probes.begin(0)
      if (this.#events.heard) this.#events.emit('half_open', { name: this.name })
    }
    const lost = this.#probes.lost
    const probe = this.#probes.take(now)
    if (this.#probes.lost > lost && this.#events.heard) {
      this.#events.emit('probeLost', { name: this.name })
    }
    return probe
  }

  #refuse<T>(options: BreakerCallOptions<T> | undefined): T | PromiseLike<T> {
    const { retryAfter } = this
    this.#refused += 1
    if (this.#events.heard) this.#events.emit('refused', { name: this.name, retryAfter })
    const cause = this.#lastError === undefined ? undefined : { cause: this.#lastError }
    const error = new CircuitBreakerOpen(this.name, retryAfter, cause)
    if (options?.fallback === undefined) throw error
    return options.fallback(error)
  }

  #returned(result: unknown, generation: number, probe: number, began: Micros): void {
    const { failedResult } = this.#settings
    const outcome =
      failedResult === undefined
        ? GOOD
        : this.#judge(failedResult, result, generation, probe, began)
    this.#settle(outcome, generation, probe, began, undefined)
  }

  #threw(
    error: unknown,
    signal: AbortSignal | undefined,
    generation: number,
    probe: number,
    began: Micros,
  ): void {
    const { expected, ignored } = this.#settings
    const asks = (filter: (error: unknown) => boolean) =>
      this.#judge(filter, error, generation, probe, began) === FAILED
    const counts =
      !signal?.aborted &&
      (expected === undefined || asks(expected)) &&
      (ignored === undefined || !asks(ignored))
    this.#settle(counts ? FAILED : NEUTRAL, generation, probe, began, error)
  }

  /** Asks a predicate of the user's. One that throws says nothing of the call; what it threw is for the caller. */
  #judge<V>(
    predicate: (value: V) => boolean,
    value: V,
    generation: number,
    probe: number,
    began: Micros,
  ): Outcome {
    try {
      return predicate(value) ? FAILED : GOOD
    } catch (error) {
      this.#settle(NEUTRAL, generation, probe, began, error)
      throw error
    }
  }

  /** One call has ended. */
  #settle(ended: Outcome, generation: number, probe: number, began: Micros, error: unknown): void {
    const { heard } = this.#events
    let outcome = ended
    let now = 0
    let took: Micros | undefined
    if (began > UNTIMED) {
      now = this.#now()
      took = now - began
      if (took > this.#settings.slowCall && outcome !== NEUTRAL) {
        outcome |= this.#settings.slowFails ? FAILED | SLOW : SLOW
      }
    } else if (this.#rule.timed) {
      now = this.#now()
    }

    const stale = generation !== this.#generation || (probe > 0 && !this.#probes.drop(probe))
    if (stale) this.#stale += 1
    else if (outcome === NEUTRAL) this.#ignored += 1
    else if (outcome & FAILED) this.#failed += 1
    else this.#succeeded += 1
    if (heard) this.#tell(outcome, stale, took, error)
    if (stale || outcome === NEUTRAL) return
    if (outcome & SLOW) this.#slow += 1

    if (probe > 0) this.#probed(outcome, error)
    else if (this.#rule.record(outcome, now)) this.#open(error)
  }

  #probed(outcome: Outcome, error: unknown): void {
    if (outcome !== GOOD) this.#open(error)
    else if (this.#probes.pass()) this.#close()
  }

  #open(error: unknown): void {
    const { timeout, timeoutFactor, maxTimeout } = this.#settings
    const openFor = Math.min(maxTimeout, Math.round(timeout * timeoutFactor ** this.#trips))
    this.#trips += 1
    this.#opened += 1
    this.#lastError = error
    this.#openUntil = this.#now() + openFor
    this.#begin('open')
    if (this.#events.heard) {
      const retryAfter = openFor / 1e6
      this.#events.emit('open', { name: this.name, retryAfter, trips: this.#trips, error })
    }
  }

  #close(): void {
    const before = this.#state
    this.#trips = 0
    this.#lastError = undefined
    this.#rule.clear()
    this.#begin('closed')
    if (before !== 'closed' && this.#events.heard) this.#events.emit('close', { name: this.name })
  }

  /** A new state is a new generation: whoever began before it has no say in it. */
  #begin(state: BreakerState): void {
    this.#state = state
    this.#generation += 1
    if (state === 'closed') this.#meetCalls(this.#generation)
  }

  /** How calls of one closed generation end: made once for all of them. */
  #meetCalls(generation: number): void {
    this.#onResult = (result) => {
      this.#returned(result, generation, 0, UNTIMED)
      return result
    }
    this.#onError = (error) => {
      this.#threw(error, undefined, generation, 0, UNTIMED)
      throw error
    }
  }

  #tell(outcome: Outcome, stale: boolean, took: Micros | undefined, error: unknown): void {
    const payload = {
      name: this.name,
      seconds: took === undefined ? undefined : took / 1e6,
      slow: (outcome & SLOW) !== 0,
      stale,
    }
    if (outcome === NEUTRAL) this.#events.emit('ignored', { ...payload, error })
    else if (outcome & FAILED) this.#events.emit('failure', { ...payload, error })
    else this.#events.emit('success', payload)
  }

  #now(): Micros {
    return Math.round(this.#settings.clock.now() * 1000)
  }
}

function noFunction(value: unknown): OptionTypeError {
  return new OptionTypeError('fn', `fn must be a function, got ${describe(value)}`)
}
