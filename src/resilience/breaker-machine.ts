import type { Clock } from '../core/clock.ts'
import type { Micros } from '../core/duration.ts'
import { messageOf } from '../core/error-text.ts'
import type { Events } from '../core/events.ts'
import { ChangeLog } from './breaker-changes.ts'
import type { BreakerSettings } from './breaker-options.ts'
import type {
  BreakerChange,
  BreakerEvents,
  BreakerSnapshot,
  BreakerState,
} from './breaker-types.ts'
import { FAILED, GOOD, type Outcome, SLOW } from './outcome.ts'
import { Probes } from './probes.ts'
import { type RunningCall, RunningCalls } from './running-calls.ts'
import { checkSnapshot } from './snapshot.ts'
import { TripRule } from './trip-rule.ts'

/** The states of a breaker and the changes between them. Knows calls only by generation, ticket and outcome. */
export class BreakerMachine {
  /** As of the last move; `open` stays `open` until a call comes after its time. */
  state: BreakerState = 'closed'
  /** Each change of state begins a new period: calls of an earlier period change nothing in it. */
  generation = 0
  /** How many times it has opened, ever. */
  opened = 0
  /** The error of the call that opened the breaker. */
  lastError: unknown
  readonly rule: TripRule
  readonly #settings: BreakerSettings
  readonly #clock: Clock
  readonly #events: Events<BreakerEvents>
  readonly #onClosed: (generation: number) => void
  readonly #probes: Probes
  /** The running calls of the closed generation; kept only when `slowCall` is set. */
  readonly #running = new RunningCalls()
  readonly #isolations = new Set<object>()
  readonly #changes = new ChangeLog()
  /** When the present state began. */
  #since: Micros
  /** When an open breaker lets a probe through. */
  #openUntil: Micros = 0
  /** How many times it has opened without closing. */
  #trips = 0

  /** @param onClosed called at the beginning of each closed generation, the first one included */
  constructor(
    settings: BreakerSettings,
    events: Events<BreakerEvents>,
    onClosed: (generation: number) => void,
  ) {
    this.#settings = settings
    this.#clock = settings.clock
    this.#events = events
    this.#onClosed = onClosed
    this.rule = new TripRule(settings.limits)
    this.#probes = new Probes(settings.halfOpenCalls, settings.probeLease)
    this.#since = this.now()
    onClosed(this.generation)
  }

  now(): Micros {
    return Math.round(this.#clock.now() * 1000)
  }

  /** The state that a call would find now: an open breaker is half open once its time is over. */
  get seen(): BreakerState {
    return this.state === 'open' && this.now() >= this.#openUntil ? 'half_open' : this.state
  }

  /** How long the present state has lasted. */
  get age(): Micros {
    return Math.max(0, this.now() - this.#since)
  }

  get retryAfter(): number {
    if (this.state === 'isolated') return Infinity
    if (this.state === 'closed') return 0
    const now = this.now()
    const until = this.state === 'open' ? this.#openUntil : this.#probes.freeAt(now)
    return Math.max(0, until - now) / 1e6
  }

  /** How many probes have succeeded, and how many must succeed. */
  get probes(): { passed: number; needed: number } {
    const passed = this.state === 'half_open' ? this.#probes.passed : 0
    return { passed, needed: this.#settings.halfOpenCalls }
  }

  changes(): BreakerChange[] {
    return this.#changes.list(this.now())
  }

  /** A call comes to a breaker that is not closed. @returns the ticket of a probe, above 0, or -1 when the call is rejected */
  enter(): number {
    if (this.state === 'isolated') return -1
    const now = this.now()
    if (this.state === 'open') {
      if (now < this.#openUntil) return -1
      this.#begin('half_open')
      this.#probes.begin(0)
      if (this.#events.heard) this.#events.emit('half_open', { name: this.#settings.name })
    }
    const { lost } = this.#probes
    const probe = this.#probes.take(now)
    if (this.#probes.lost > lost && this.#events.heard) {
      this.#events.emit('probeLost', { name: this.#settings.name })
    }
    return probe
  }

  /** A timed call of a closed breaker begins: {@link ended} tells when it ends. */
  began(now: Micros): RunningCall {
    return this.#running.begin(now)
  }

  /** Forgets a call that does not run any more. */
  ended(call: RunningCall): void {
    this.#running.delete(call)
  }

  /** Counts the calls of a closed breaker that run for longer than `slowCall`, and opens it when they are too many. */
  countSlow(now: Micros): void {
    const { slowCall, slowFails } = this.#settings
    for (;;) {
      const call = this.#running.shift(now - slowCall)
      if (call === undefined) return
      if (this.rule.recordRunning(call, slowFails ? FAILED | SLOW : SLOW, now)) {
        return this.#open(undefined)
      }
    }
  }

  /** A call has ended; a probe gives back its permit. @returns true when the call counts */
  leave(generation: number, probe: number): boolean {
    if (generation !== this.generation) return false
    return probe === 0 || this.#probes.drop(probe)
  }

  /** A call of a closed breaker has ended well: {@link leave} and {@link take} in one. @returns true when it counts */
  pass(generation: number): boolean {
    if (generation !== this.generation) return false
    this.rule.recordGood(this.rule.timed ? this.now() : 0)
    return true
  }

  /** Counts the outcome of a call, and changes the state by it. */
  take(outcome: Outcome, probe: number, now: Micros, error: unknown): void {
    if (probe === 0) {
      if (this.rule.record(outcome, now)) this.#open(error)
    } else if (outcome !== GOOD) {
      this.#open(error, this.now() - this.#probes.began)
    } else if (this.#probes.pass()) {
      this.#close()
    }
  }

  /** As {@link take}, of a call that was counted as slow while it ran. */
  takeCounted(outcome: Outcome, place: number, now: Micros, error: unknown): void {
    // When slow calls are failures, this one was counted as a failure while it ran.
    if (this.#settings.slowFails) return
    if (this.rule.recordEnd(place, outcome, now)) this.#open(error)
  }

  trip(): void {
    if (this.state !== 'isolated') this.#open(undefined)
  }

  reset(): void {
    this.#isolations.clear()
    this.#close()
  }

  isolate(): Disposable {
    const hold: Disposable = {
      [Symbol.dispose]: () => {
        if (this.#isolations.delete(hold) && this.#isolations.size === 0) this.#close()
      },
    }
    this.#isolations.add(hold)
    if (this.state !== 'isolated') {
      this.#begin('isolated')
      if (this.#events.heard) this.#events.emit('isolated', { name: this.#settings.name })
    }
    return hold
  }

  export(): BreakerSnapshot {
    const state = this.seen
    return {
      state,
      trips: this.#trips,
      retryAfter: state === 'open' ? this.retryAfter : 0,
      passed: this.state === 'half_open' ? this.#probes.passed : 0,
      failuresInARow: this.state === 'closed' ? this.rule.inARow : 0,
    }
  }

  import(snapshot: BreakerSnapshot): void {
    checkSnapshot(snapshot, this.#settings.halfOpenCalls)
    this.#isolations.clear()
    this.rule.clear()
    this.rule.inARow = snapshot.state === 'closed' ? (snapshot.failuresInARow ?? 0) : 0
    this.lastError = undefined
    this.#trips = snapshot.trips
    this.#openUntil = this.now() + Math.ceil(snapshot.retryAfter * 1e6)
    this.#probes.begin(snapshot.passed)
    if (snapshot.state === 'isolated') this.isolate()
    else this.#begin(snapshot.state)
  }

  /** @param took the duration of the failed probe, when a probe opened the breaker again */
  #open(error: unknown, took?: Micros): void {
    const { name, timeout, timeoutFactor, maxTimeout } = this.#settings
    const openFor = Math.min(maxTimeout, Math.round(timeout * timeoutFactor ** this.#trips))
    this.#trips += 1
    this.opened += 1
    this.lastError = error
    const now = this.now()
    this.#openUntil = now + openFor
    const { inARow, window } = this.rule
    const counted =
      window === undefined
        ? { calls: inARow, failed: inARow }
        : { calls: window.calls, failed: window.failed }
    const closed = this.state === 'closed'
    this.#changes.add({
      state: 'open',
      at: now,
      openFor,
      trips: this.#trips,
      ...(error !== undefined && { error: messageOf(error) }),
      ...(closed && counted),
      ...(took !== undefined && { took }),
    })
    this.#begin('open')
    if (this.#events.heard) {
      this.#events.emit('open', { name, retryAfter: openFor / 1e6, trips: this.#trips, error })
    }
  }

  #close(): void {
    const before = this.state
    this.#trips = 0
    this.lastError = undefined
    this.rule.clear()
    this.#begin('closed')
    if (before !== 'closed' && this.#events.heard) {
      this.#events.emit('close', { name: this.#settings.name })
    }
  }

  #begin(state: BreakerState): void {
    if (state !== this.state) {
      this.#since = this.now()
      if (state !== 'open') this.#changes.add({ state, at: this.#since })
    }
    this.state = state
    this.generation += 1
    this.#running.clear()
    if (state === 'closed') this.#onClosed(this.generation)
  }
}
