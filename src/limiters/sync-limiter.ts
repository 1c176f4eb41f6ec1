import { options as checkOptions } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import { type Duration, type Micros, type Millis, toMillis } from '../core/duration.ts'
import { WaitTimeoutError } from '../core/errors.ts'
import { Events, type Listener } from '../core/events.ts'
import type { Meter } from '../core/meter.ts'
import type { QuotaChange } from '../core/rule.ts'
import { blockMicros, checkCall, checkFunction, checkKey } from './arguments.ts'
import { seconds } from './decision-of.ts'
import type {
  KeyCounts,
  LimiterEvents,
  LimiterStats,
  LocalLimiter,
  WaitOptions,
} from './limiter.ts'
import { LimiterMeter } from './limiter-meter.ts'
import type { Desk } from './line.ts'
import { Waiting } from './waiting.ts'

// There are only two answers, so they are made once: awaiting a settled promise is the least an `await` can cost.
const YES: Promise<boolean> = Promise.resolve(true)
const NO: Promise<boolean> = Promise.resolve(false)

/**
 * Every verb of a limiter that can answer at once, over the three moves that differ from one limiter to the next:
 * take, give back, forecast.
 */
export abstract class SyncLimiter implements LocalLimiter, Desk {
  abstract readonly name: string
  /** The largest cost that can ever pass. */
  abstract readonly capacity: number
  readonly clock: Clock
  protected readonly events: Events<LimiterEvents> = new Events()
  protected readonly waiting: Waiting
  protected meter: LimiterMeter | undefined
  readonly #freed = new Set<() => void>()
  protected allowed = 0
  protected denied = 0

  constructor(clock: Clock) {
    this.clock = clock
    this.waiting = new Waiting(this, clock)
  }

  /** As `Rule.reserve`, and tells nobody. The key and the cost have been checked. */
  abstract take(key: string, cost: number, maxWait: Micros): Micros
  /** Undoes a `take`. */
  abstract giveBack(key: string, cost: number): void
  abstract forecast(key: string, ahead: number, cost: number): Micros
  /** What `take` would answer. Changes nothing. */
  abstract look(key: string, cost: number): Micros
  /** The decision about the last `take` or `look`, whose answer was `wait`. */
  abstract decision(key: string, cost: number, wait: Micros): Decision
  /** What was scheduled has ended: gives back what is held only while it runs. */
  leave(_key: string, _cost: number): void {}
  abstract forget(key: string): void
  abstract hold(key: string, duration: Micros): void
  abstract counts(): KeyCounts
  protected abstract change(quota: QuotaChange): void

  /** Something has come free for `key`: whoever waits for it asks again. */
  wake(key: string): void {
    this.waiting.wake(key)
    for (const run of this.#freed) run()
  }

  /** Calls `run` whenever something comes free other than by time; returns the way to stop that. */
  onFreed(run: () => void): () => void {
    const own = () => run()
    this.#freed.add(own)
    return () => this.#freed.delete(own)
  }

  allow(key = '', cost = 1): boolean {
    checkCall(key, cost, this.capacity)
    const wait = this.take(key, cost, 0)
    if (wait >= 0) {
      this.allowed += 1
      if (this.events.heard) this.#tellAllowed(key, cost)
      return true
    }
    this.denied += 1
    if (this.events.heard) this.#tellDenied(key, cost, wait)
    return false
  }

  decide(key = '', cost = 1): Decision {
    checkCall(key, cost, this.capacity)
    const wait = this.take(key, cost, 0)
    const decision = this.decision(key, cost, wait)
    if (wait >= 0) {
      this.allowed += 1
      if (this.events.heard) this.#tellAllowed(key, cost)
    } else {
      this.denied += 1
      if (this.events.heard) this.#tellDenied(key, cost, wait)
    }
    return decision
  }

  acquire(key = '', tokens = 1): Promise<boolean> {
    try {
      return this.allow(key, tokens) ? YES : NO
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async consume(key = '', cost = 1): Promise<Decision> {
    return this.decide(key, cost)
  }

  async peek(key = '', cost = 1): Promise<Decision> {
    checkCall(key, cost, this.capacity)
    return this.decision(key, cost, this.look(key, cost))
  }

  async wait(key = '', options: WaitOptions = {}): Promise<Decision> {
    const { cost = 1, timeout, signal } = options
    checkCall(key, cost, this.capacity)
    this.waiting.checkOpen(this.name)
    signal?.throwIfAborted()
    const started = this.clock.now()
    const patience = timeout === undefined ? Infinity : toMillis('timeout', timeout)
    if (this.waiting.busy(key) || !this.#takeNow(key, cost, patience)) {
      try {
        await this.waiting.join(key, cost, { deadline: started + patience, signal })
      } catch (error) {
        this.denied += 1
        if (this.events.heard) {
          this.meter?.denied.inc()
          const retryAfter = error instanceof WaitTimeoutError ? error.retryAfter : 0
          this.events.emit('denied', { key, cost, retryAfter })
        }
        throw error
      }
    }
    this.allowed += 1
    if (this.events.heard) {
      const waited = (this.clock.now() - started) / 1000
      this.meter?.allowed.inc()
      this.meter?.waits.observe(waited)
      this.events.emit('waited', { key, cost, seconds: waited })
    }
    this.look(key, cost)
    return this.decision(key, cost, 0)
  }

  async schedule<T>(
    key: string,
    fn: (signal: AbortSignal) => T | Promise<T>,
    options: WaitOptions = {},
  ): Promise<T> {
    checkFunction(fn)
    await this.wait(key, options)
    try {
      return await fn(options.signal ?? NEVER)
    } finally {
      this.leave(key, options.cost ?? 1)
    }
  }

  async release(key = '', tokens = 1): Promise<void> {
    checkCall(key, tokens, Number.MAX_VALUE)
    this.giveBack(key, tokens)
    this.wake(key)
  }

  async reset(key = ''): Promise<void> {
    checkKey(key)
    this.forget(key)
    this.wake(key)
  }

  async block(key: string, duration: Duration): Promise<void> {
    checkKey(key)
    this.hold(key, blockMicros(duration))
  }

  async getStats(key = ''): Promise<LimiterStats> {
    checkKey(key)
    const cost = Math.min(1, this.capacity)
    const { limit, remaining, resetAfter } = this.decision(key, cost, this.look(key, cost))
    return {
      name: this.name,
      allowed: this.allowed,
      denied: this.denied,
      waiting: this.waiting.count,
      ...this.counts(),
      limit,
      remaining,
      resetAfter,
    }
  }

  async reconfigure(quota: QuotaChange): Promise<void> {
    checkOptions('quota', quota)
    this.waiting.changing(() => this.change(quota))
    if (this.events.heard) this.events.emit('reconfigured', { limit: this.capacity })
    for (const run of this.#freed) run()
  }

  on<Name extends keyof LimiterEvents>(
    event: Name,
    listener: Listener<LimiterEvents[Name]>,
  ): () => void {
    return this.events.on(event, listener)
  }

  async close(): Promise<void> {
    this.waiting.close(this.name)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Begins to count for `metrics`, once there is a name. */
  protected observe(metrics: Meter | undefined): void {
    if (metrics === undefined) return
    this.meter = new LimiterMeter(metrics, this.name)
    this.meter.followWaiting<SyncLimiter>(this, (limiter) => limiter.waiting.count)
    this.events.meter()
  }

  #takeNow(key: string, cost: number, patience: Millis): boolean {
    // Only a rule that makes callers wait their turn even now (the leaky bucket) answers with a wait above 0 here,
    // and then the line has to be joined after all.
    const wait = this.take(key, cost, patience === 0 ? 0 : Number.MIN_VALUE)
    return wait === 0
  }

  #tellAllowed(key: string, cost: number): void {
    this.meter?.allowed.inc()
    if (this.events.listened) this.events.emit('allowed', { key, cost })
  }

  #tellDenied(key: string, cost: number, wait: Micros): void {
    this.meter?.denied.inc()
    if (this.events.listened) this.events.emit('denied', { key, cost, retryAfter: seconds(-wait) })
  }
}

const NEVER = new AbortController().signal
