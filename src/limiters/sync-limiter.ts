import { abortable, options as checkOptions, flag, known } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import { type Duration, type Micros, toMillis } from '../core/duration.ts'
import { ClosedError, WaitTimeoutError } from '../core/errors.ts'
import { Events, type Listener } from '../core/events.ts'
import type { Meter } from '../core/meter.ts'
import type { QuotaChange } from '../core/rule.ts'
import type { Ledger } from '../core/storage.ts'
import { blockLength, checkCall, checkKey } from './arguments.ts'
import { compare } from './compare.ts'
import type { Comparison } from './comparison.ts'
import { seconds } from './decision-of.ts'
import { late } from './late.ts'
import {
  BLOCK_OPTIONS,
  type BlockOptions,
  LIMITER_EVENTS,
  type Limiter,
  type LimiterEvents,
  type LimiterStats,
  type LocalLimiter,
  type Patience,
  WAIT_OPTIONS,
  type WaitOptions,
} from './limiter.ts'
import { type LimiterMeter, limiterMeter } from './limiter-meter.ts'
import type { Desk } from './line.ts'
import type { Reservation } from './reservations/reservation.ts'
import { type ReserveOptions, reserve, spend } from './reservations/reserve.ts'
import { scheduled } from './scheduled.ts'
import { Shadow } from './shadow.ts'
import { SyncMoves } from './sync-moves.ts'
import { type CallOptions, checkedCall, costOf, type Terms } from './terms.ts'
import { Turns, waitInTurn } from './turns.ts'
import { Waiting } from './waiting.ts'

// There are only two answers, so they are made once: awaiting a settled promise is the least an `await` can cost.
const YES: Promise<boolean> = Promise.resolve(true)
const NO: Promise<boolean> = Promise.resolve(false)

/**
 * Every verb of a limiter that can answer at once, over the three moves that differ from one limiter to the next:
 * take, give back, forecast.
 */
export abstract class SyncLimiter extends SyncMoves implements LocalLimiter, Desk {
  readonly clock: Clock
  protected readonly events: Events<LimiterEvents> = new Events(LIMITER_EVENTS)
  /** @internal */
  readonly waiting: Waiting
  /** @internal Where those wait who come in groups. */
  readonly turns: Turns
  /** Set where it denies nothing. */
  readonly shadow: Shadow | undefined
  protected meter: LimiterMeter | undefined
  protected allowed = 0
  protected denied = 0

  /**
   * @param ledgers what its callers wait for, together with those of others who ask the same
   * @param keyed do its keys mean the same to all of them?
   */
  constructor(clock: Clock, ledgers: readonly object[], keyed: boolean, shadow = false) {
    super()
    this.clock = clock
    this.turns = new Turns(clock)
    this.shadow = shadow ? new Shadow() : undefined
    this.waiting = new Waiting(this, clock, ledgers, keyed)
  }

  // What nearly all calls bring, a cost and no more, has a short way of its own: it is compiled into one piece.

  allow(key = '', call: number | CallOptions = 1): boolean {
    if (typeof call !== 'number') return this.#allowUnder(key, call)
    checkCall(key, call, this.capacity)
    return this.#count(key, call, this.take(key, call, 0), undefined)
  }

  #allowUnder(key: string, call: CallOptions): boolean {
    const terms = this.#termsOf(key, checkedCall(call))
    const cost = costOf(call)
    return this.#count(key, cost, this.take(key, cost, 0, terms), terms)
  }

  decide(key = '', call: number | CallOptions = 1): Decision {
    if (typeof call !== 'number') return this.#decideUnder(key, call)
    checkCall(key, call, this.capacity)
    return this.consumeUnder(key, call, undefined)
  }

  #decideUnder(key: string, call: CallOptions): Decision {
    const terms = this.#termsOf(key, checkedCall(call))
    return this.consumeUnder(key, costOf(call), terms)
  }

  /** @internal As `decide`; what the call brings has been checked. */
  consumeUnder(key: string, cost: number, terms: Terms | undefined): Decision {
    const wait = this.take(key, cost, 0, terms)
    const decision = this.decision(key, cost, wait, terms)
    this.#count(key, cost, wait, terms)
    return this.shadow === undefined ? decision : this.shadow.foretell(decision)
  }

  acquire(key = '', call: number | CallOptions = 1): Promise<boolean> {
    try {
      return this.allow(key, call) ? YES : NO
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async consume(key = '', call: number | CallOptions = 1): Promise<Decision> {
    return this.decide(key, call)
  }

  async peek(key = '', call: number | CallOptions = 1): Promise<Decision> {
    const { cost, terms } = this.read(key, call)
    return this.peekUnder(key, cost, terms)
  }

  /** @internal As `peek`; what the call brings has been checked. */
  peekUnder(key: string, cost: number, terms: Terms | undefined): Decision {
    const decision = this.decision(key, cost, this.look(key, cost, terms), terms)
    return this.shadow?.foretell(decision) ?? decision
  }

  wait(key = '', options: WaitOptions = {}): Promise<Decision> {
    known('limiter.wait', options, WAIT_OPTIONS)
    return this.#wait(key, options)
  }

  async #wait(key: string, options: WaitOptions): Promise<Decision> {
    abortable(options.signal)
    const terms = this.#termsOf(key, options)
    const cost = costOf(options)
    return waitInTurn(this, key, options, (patience) => this.waitUnder(key, cost, terms, patience))
  }

  /** @internal As `wait`; what the call brings has been checked. */
  async waitUnder(
    key: string,
    cost: number,
    terms: Terms | undefined,
    { timeout, signal }: Patience,
  ): Promise<Decision> {
    if (this.waiting.closed) throw new ClosedError(this.name)
    if (this.shadow !== undefined) return this.consumeUnder(key, cost, terms)
    signal?.throwIfAborted()
    const started = this.clock.now()
    const patience = timeout === undefined ? Infinity : toMillis('timeout', timeout)
    // With a little patience a leaky bucket makes callers wait their turn even now, instead of taking them in at once.
    const little = patience === 0 ? 0 : Number.MIN_VALUE
    const busy = this.waiting.busy(key, terms?.share)
    if (busy || this.take(key, cost, little, terms) < 0) {
      try {
        if (terms?.bound === 'closed') throw late(key, Infinity)
        await this.waiting.join(key, cost, { deadline: started + patience, signal, terms })
      } catch (error) {
        this.#deny(key, cost, error instanceof WaitTimeoutError ? error.retryAfter : 0, terms)
        throw error
      }
    }
    this.allowed += 1
    if (this.events.heard) {
      const waited = (this.clock.now() - started) / 1000
      this.meter?.allowed.inc()
      this.meter?.waits.observe(waited)
      this.events.emit('waited', { key, cost, seconds: waited, ...terms?.brought })
    }
    this.look(key, cost, terms)
    return this.decision(key, cost, 0, terms)
  }

  schedule<T>(
    key: string,
    fn: (signal: AbortSignal) => T | Promise<T>,
    options: WaitOptions = {},
  ): Promise<T> {
    known('limiter.schedule', options, WAIT_OPTIONS)
    return scheduled(this, key, fn, options, NEVER)
  }

  reserve(
    key: string,
    estimate: number,
    options: ReserveOptions = {},
  ): Promise<Reservation | undefined> {
    return reserve(this, key, estimate, options)
  }

  spend<T>(
    key: string,
    estimate: number,
    fn: (reservation: Reservation) => T | Promise<T>,
    options: ReserveOptions = {},
  ): Promise<T> {
    return spend(this, key, estimate, fn, options)
  }

  async release(key = '', tokens = 1): Promise<void> {
    checkCall(key, tokens, Number.MAX_VALUE)
    this.giveBack(key, tokens)
    this.waiting.wake(key)
  }

  async reset(key = ''): Promise<void> {
    checkKey(key)
    this.forget(key)
    this.waiting.wake(key)
  }

  async block(key: string, duration: Duration, options: BlockOptions = {}): Promise<void> {
    checkKey(key)
    known('limiter.block', options, BLOCK_OPTIONS)
    const { replace = false } = options
    this.hold(key, blockLength(duration), flag('replace', replace))
  }

  async unblock(key: string): Promise<void> {
    checkKey(key)
    this.hold(key, 0, true)
    this.waiting.wake(key)
  }

  async getStats(key = ''): Promise<LimiterStats> {
    checkKey(key)
    const cost = Math.min(1, this.capacity)
    const { limit, remaining, resetAfter } = this.decision(key, cost, this.look(key, cost))
    return {
      name: this.name,
      allowed: this.allowed,
      denied: this.denied,
      ...(this.shadow && { wouldDeny: this.shadow.wouldDeny }),
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
  }

  compare(candidate: Limiter): Comparison {
    return compare(this, candidate)
  }

  on<Name extends keyof LimiterEvents>(
    event: Name,
    listener: Listener<LimiterEvents[Name]>,
  ): () => void {
    return this.events.on(event, listener)
  }

  async close(): Promise<void> {
    this.turns.close(this.name)
    this.waiting.close(this.name)
    this.meter?.series.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Begins to count for `metrics`, once there is a name.
   * @param ledger where its keys are, if it has one
   */
  protected observe(metrics: Meter | undefined, ledger?: Ledger): void {
    if (metrics === undefined) return
    this.meter = limiterMeter<SyncLimiter>(metrics, this, ({ waiting }) => waiting.count, ledger)
    this.shadow?.observe(this.meter.series, this.name)
    this.events.meter()
  }

  /** @internal What a call brings, checked. */
  read(key: string, call: number | CallOptions): { cost: number; terms: Terms | undefined } {
    const brought = typeof call === 'number' ? { cost: call } : checkedCall(call)
    return { cost: costOf(brought), terms: this.#termsOf(key, brought) }
  }

  /** What a call brings beside its cost; the key and the cost are checked. */
  #termsOf(key: string, call: CallOptions): Terms | undefined {
    const terms = this.termsOf(call, key)
    checkCall(key, costOf(call), terms === undefined ? this.capacity : this.capacityUnder(terms))
    return terms
  }

  /** Counts an answer and tells those who listen; is it a yes? */
  #count(key: string, cost: number, wait: Micros, terms: Terms | undefined): boolean {
    if (wait < 0 && this.#refused(key, cost, wait, terms)) return false
    this.allowed += 1
    if (this.events.heard) this.#tellAllowed(key, cost, terms)
    return true
  }

  #tellAllowed(key: string, cost: number, terms: Terms | undefined): void {
    this.meter?.allowed.inc()
    if (this.events.listened) this.events.emit('allowed', { key, cost, ...terms?.brought })
  }

  /** Counts a no, and where a shadow lets it through, that; is it denied? */
  #refused(key: string, cost: number, wait: Micros, terms: Terms | undefined): boolean {
    if (this.shadow === undefined) this.#deny(key, cost, seconds(-wait), terms)
    else this.shadow.overlook()
    return this.shadow === undefined
  }

  #deny(key: string, cost: number, retryAfter: number, terms: Terms | undefined): void {
    this.denied += 1
    if (!this.events.heard) return
    this.meter?.denied.inc()
    if (this.events.listened) {
      this.events.emit('denied', { key, cost, retryAfter, ...terms?.brought })
    }
  }
}

const NEVER = new AbortController().signal
