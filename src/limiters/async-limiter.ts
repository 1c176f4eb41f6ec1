import { abortable, options as checkOptions, flag, known } from '../core/check.ts'
import { at, type Clock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import { type Duration, type Micros, type Millis, toMillis } from '../core/duration.ts'
import { ClosedError } from '../core/errors.ts'
import { Events, type Listener } from '../core/events.ts'
import { inTime, TRIP } from '../core/in-time.ts'
import type { Meter } from '../core/meter.ts'
import type { QuotaChange } from '../core/rule.ts'
import type { RemoteLedger } from '../core/storage.ts'
import { blockLength, checkCall, checkKey } from './arguments.ts'
import { compare } from './compare.ts'
import type { Comparison } from './comparison.ts'
import { late } from './late.ts'
import {
  BLOCK_OPTIONS,
  type BlockOptions,
  type KeyCounts,
  LIMITER_EVENTS,
  type Limiter,
  type LimiterEvents,
  type LimiterStats,
  type Patience,
  WAIT_OPTIONS,
  type WaitOptions,
} from './limiter.ts'
import { type LimiterMeter, limiterMeter } from './limiter-meter.ts'
import type { RemoteDesk } from './remote-desk.ts'
import type { Reservation, ReservationKeeper } from './reservations/reservation.ts'
import { type ReserveOptions, reserve, spend } from './reservations/reserve.ts'
import { scheduled } from './scheduled.ts'
import { Shadow } from './shadow.ts'
import { type CallOptions, checkedCall, costOf, type Terms } from './terms.ts'
import { Turns, waitInTurn } from './turns.ts'
import { until } from './until.ts'

/** How long a caller waits. */
export interface Waits {
  readonly deadline: Millis
  readonly signal: AbortSignal | undefined
}

/** Every verb of a limiter whose answers come later, over the moves that differ from one to the next. */
export abstract class AsyncLimiter implements Limiter {
  readonly name: string
  readonly clock: Clock
  protected readonly events: Events<LimiterEvents> = new Events(LIMITER_EVENTS)
  protected readonly closing: AbortController = new AbortController()
  /** @internal Where those wait who come in groups. */
  readonly turns: Turns
  /** Set where it denies nothing. */
  readonly shadow: Shadow | undefined
  protected allowed = 0
  protected denied = 0
  protected waiting = 0
  protected meter: LimiterMeter | undefined

  constructor(name: string, clock: Clock, shadow = false) {
    this.name = name
    this.shadow = shadow ? new Shadow() : undefined
    this.clock = clock
    this.turns = new Turns(clock)
  }

  /** @internal What asks the storage, where there is one storage. Composites go by what it knows about outages. */
  readonly desk: RemoteDesk | undefined = undefined
  /** Where one ledger decides alone: that. Composites ask all of theirs at once. */
  get ledger(): RemoteLedger | undefined {
    return undefined
  }
  /** The largest cost that can ever pass. */
  abstract get capacity(): number
  /** Takes `cost`, or only looks whether it could. The key and the cost have been checked. */
  protected abstract decide(
    move: 'reserve' | 'peek',
    key: string,
    cost: number,
    terms?: Terms,
  ): Promise<Decision>
  protected abstract giveBack(key: string, cost: number): Promise<void>
  protected abstract forget(key: string): Promise<void>
  protected abstract hold(key: string, duration: Micros, replace: boolean): Promise<void>
  protected abstract change(quota: QuotaChange): Promise<void>
  protected abstract counts(key: string): Promise<KeyCounts>
  /** Takes `cost` for one who waits, when it can be had, and resolves when its time has come. */
  protected abstract serve(
    key: string,
    cost: number,
    deadline: Millis,
    signal: AbortSignal | undefined,
    terms?: Terms,
  ): Promise<Decision>
  /** What a call brings beside its cost; `undefined` for nothing. */
  abstract termsOf(call: CallOptions, key?: string): Terms | undefined
  /** Does it take the quota of a call? */
  get quotable(): boolean {
    return false
  }
  /** The largest cost that can ever pass under `terms`. */
  abstract capacityUnder(terms: Terms): number
  /** Has it a class of this name? */
  abstract knows(name: string): boolean
  /** The kind of limit that cannot reserve, if it is one. */
  abstract get unheld(): string | undefined
  /** @internal Where the reservation is kept that this decision made. */
  abstract keeperOf(key: string, cost: number, terms: Terms, decision: Decision): ReservationKeeper
  /** Takes `cost` for one who does not wait. */
  protected take(key: string, cost: number, terms?: Terms): Promise<Decision> {
    return this.decide('reserve', key, cost, terms)
  }
  /** What was scheduled has ended: gives back what is held only while it runs. */
  leave(_key: string, _cost: number): void {}

  async acquire(key = '', call: number | CallOptions = 1): Promise<boolean> {
    return (await this.consume(key, call)).allowed
  }

  async consume(key = '', call: number | CallOptions = 1): Promise<Decision> {
    const { cost, terms } = this.read(key, call)
    return this.consumeUnder(key, cost, terms)
  }

  /** @internal As `consume`; what the call brings has been checked. */
  async consumeUnder(key: string, cost: number, terms: Terms | undefined): Promise<Decision> {
    this.#checkOpen()
    const given = await this.take(key, cost, terms)
    const decision = this.shadow?.cast(given) ?? given
    this.tell(key, decision, terms)
    return decision
  }

  async peek(key = '', call: number | CallOptions = 1): Promise<Decision> {
    const { cost, terms } = this.read(key, call)
    return this.peekUnder(key, cost, terms)
  }

  /** @internal As `peek`; what the call brings has been checked. */
  async peekUnder(key: string, cost: number, terms: Terms | undefined): Promise<Decision> {
    this.#checkOpen()
    const decision = await this.decide('peek', key, cost, terms)
    return this.shadow?.foretell(decision) ?? decision
  }

  wait(key = '', options: WaitOptions = {}): Promise<Decision> {
    known('limiter.wait', options, WAIT_OPTIONS)
    return this.#wait(key, options)
  }

  async #wait(key: string, options: WaitOptions): Promise<Decision> {
    abortable(options.signal)
    const { cost, terms } = this.#terms(key, options)
    return waitInTurn(this, key, options, (patience) => this.waitUnder(key, cost, terms, patience))
  }

  /** @internal As `wait`; what the call brings has been checked. */
  async waitUnder(
    key: string,
    cost: number,
    terms: Terms | undefined,
    { timeout, signal }: Patience,
  ): Promise<Decision> {
    this.#checkOpen()
    if (this.shadow !== undefined) return this.consumeUnder(key, cost, terms)
    signal?.throwIfAborted()
    const started = this.clock.now()
    const deadline = timeout === undefined ? Infinity : started + toMillis('timeout', timeout)
    this.waiting += 1
    try {
      if (terms?.bound === 'closed') throw late(key, Infinity)
      const decision = await this.serve(key, cost, deadline, signal, terms)
      this.allowed += 1
      this.decided(true)
      if (this.events.heard) {
        const waited = (this.clock.now() - started) / 1000
        this.meter?.allowed.inc()
        this.meter?.waits.observe(waited)
        this.events.emit('waited', { key, cost, seconds: waited, ...terms?.brought })
      }
      return decision
    } catch (error) {
      this.denied += 1
      this.meter?.denied.inc()
      throw error
    } finally {
      this.waiting -= 1
    }
  }

  schedule<T>(
    key: string,
    fn: (signal: AbortSignal) => T | Promise<T>,
    options: WaitOptions = {},
  ): Promise<T> {
    known('limiter.schedule', options, WAIT_OPTIONS)
    return scheduled(this, key, fn, options, this.closing.signal)
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
    await this.giveBack(key, tokens)
  }

  async reset(key = ''): Promise<void> {
    checkKey(key)
    await this.forget(key)
  }

  async block(key: string, duration: Duration, options: BlockOptions = {}): Promise<void> {
    checkKey(key)
    known('limiter.block', options, BLOCK_OPTIONS)
    const { replace = false } = options
    await this.hold(key, blockLength(duration), flag('replace', replace))
  }

  async unblock(key: string): Promise<void> {
    checkKey(key)
    await this.hold(key, 0, true)
  }

  async getStats(key = ''): Promise<LimiterStats> {
    checkKey(key)
    const { limit, remaining, resetAfter } = await this.decide(
      'peek',
      key,
      Math.min(1, this.capacity),
    )
    return {
      name: this.name,
      allowed: this.allowed,
      denied: this.denied,
      ...(this.shadow && { wouldDeny: this.shadow.wouldDeny }),
      waiting: this.waiting,
      ...(await this.counts(key)),
      limit,
      remaining,
      resetAfter,
    }
  }

  async reconfigure(quota: QuotaChange): Promise<void> {
    checkOptions('quota', quota)
    await this.change(quota)
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
    this.closing.abort(new ClosedError(this.name))
    this.meter?.series.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Counts a decision and tells those who listen. */
  protected tell(key: string, decision: Decision, terms?: Terms): void {
    const { allowed, cost, retryAfter } = decision
    this.count(allowed)
    if (!this.events.listened) return
    if (allowed) this.events.emit('allowed', { key, cost, ...terms?.brought })
    else this.events.emit('denied', { key, cost, retryAfter, ...terms?.brought })
  }

  /** A call was let through, or was not. */
  protected decided(_allowed: boolean): void {}

  protected count(allowed: boolean): void {
    this.decided(allowed)
    if (allowed) this.allowed += 1
    else this.denied += 1
    if (this.events.heard) this.meter?.[allowed ? 'allowed' : 'denied'].inc()
  }

  /** Begins to count for `metrics`. */
  protected observe(metrics: Meter | undefined): void {
    if (metrics === undefined) return
    this.meter = limiterMeter<AsyncLimiter>(metrics, this, ({ waiting }) => waiting)
    this.shadow?.observe(this.meter.series, this.name)
    this.events.meter()
  }

  /** Lets time pass until `moment`. */
  protected pass(moment: Millis, signal: AbortSignal | undefined): Promise<void> {
    return this.until(signal, (resolve) => at(this.clock, moment, resolve))
  }

  /** Waits for what `begin` begins, unless a signal aborts or the limiter closes. */
  protected until(
    signal: AbortSignal | undefined,
    begin: (resolve: () => void, reject: (reason: unknown) => void) => () => void,
  ): Promise<void> {
    const closing = this.closing.signal
    return until(signal === undefined ? [closing] : [closing, signal], begin)
  }

  /**
   * What the storage answers to a caller that waits. The caller does not wait for it longer than until `deadline`, and no longer
   * than its `signal` lets it.
   *
   * @param undo gives back what the storage has granted after the caller has left
   * @throws WaitTimeoutError, ClosedError, or the reason of `signal` (rejects)
   */
  protected inTime<T>(
    key: string,
    answer: Promise<T>,
    { deadline, signal }: Waits,
    undo: (late: T) => unknown,
  ): Promise<T> {
    const patience = (heard: Promise<void>) =>
      this.until(signal, (resolve, reject) => {
        void heard.then(resolve)
        if (deadline === Infinity) return () => {}
        const end = Math.max(deadline, this.clock.now() + TRIP)
        return at(this.clock, end, () => reject(late(key, 0)))
      })
    return inTime(answer, patience, undo)
  }

  /** @internal What a call brings, checked. */
  read(key: string, call: number | CallOptions): { cost: number; terms: Terms | undefined } {
    return this.#terms(key, typeof call === 'number' ? { cost: call } : checkedCall(call))
  }

  #terms(key: string, call: CallOptions): { cost: number; terms: Terms | undefined } {
    const [terms, cost] = [this.termsOf(call, key), costOf(call)]
    checkCall(key, cost, terms === undefined ? this.capacity : this.capacityUnder(terms))
    return { cost, terms }
  }

  #checkOpen(): void {
    this.closing.signal.throwIfAborted()
  }
}
