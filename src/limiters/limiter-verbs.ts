import { abortable, options as checkOptions, flag, known } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import type { Duration, Micros } from '../core/duration.ts'
import { CostTooLargeError } from '../core/errors.ts'
import { Events, type Listener } from '../core/events.ts'
import type { Meter } from '../core/meter.ts'
import type { QuotaChange, Rule } from '../core/rule.ts'
import type { Ledger } from '../core/storage.ts'
import { blockLength, checkCall, checkKey } from './calls/arguments.ts'
import { type CallOptions, checkedCall, costOf } from './calls/call-options.ts'
import { type Terms, withHold } from './calls/terms.ts'
import { compare } from './compare.ts'
import type { Comparison } from './comparison.ts'
import {
  BLOCK_OPTIONS,
  type BlockOptions,
  type KeyCounts,
  LIMITER_EVENTS,
  LIMITER_WAIT_OPTIONS,
  type Limiter,
  type LimiterEvents,
  type LimiterStats,
  type LimiterWaitOptions,
} from './limiter.ts'
import { type LimiterMeter, limiterMeter } from './limiter-meter.ts'
import type { Reservation, ReservationKeeper } from './reservations/reservation.ts'
import { type ReserveOptions, reserve, spend } from './reservations/reserve.ts'
import { scheduled, type Work } from './scheduled.ts'
import { Shadow } from './shadow.ts'
import { type Standing, Turns, waitInTurn } from './turns.ts'

/** An answer that comes at once, or with a promise. */
type Answer<T> = T | Promise<T>

/**
 * What the verbs of all limiters check, count and tell, whether the limiter answers at once or has to ask a storage. Below it are the
 * moves of the limiter, which answer at once or with a promise; where one answers at once, nothing is awaited.
 */
export abstract class LimiterVerbs implements Limiter {
  abstract readonly name: string
  readonly clock: Clock
  protected readonly events: Events<LimiterEvents> = new Events(LIMITER_EVENTS)
  /** @internal Where the callers wait that come in groups. */
  readonly turns: Turns
  /** Set where it denies nothing. */
  readonly shadow: Shadow | undefined
  protected meter: LimiterMeter | undefined
  protected allowed = 0
  protected denied = 0

  constructor(clock: Clock, shadow: boolean) {
    this.clock = clock
    this.turns = new Turns(clock)
    this.shadow = shadow ? new Shadow() : undefined
  }

  /** The largest cost that can ever pass. */
  abstract readonly capacity: number
  /** How many calls wait. */
  protected abstract readonly inLine: number
  /** What a scheduled function gets that has no signal of its own. */
  protected abstract readonly ending: AbortSignal
  abstract acquire(key?: string, call?: number | CallOptions): Promise<boolean>
  abstract consume(key?: string, call?: number | CallOptions): Promise<Decision>
  abstract close(): Promise<void>
  /** @internal As `consume`; what the call brings has been checked. */
  abstract consumeUnder(key: string, cost: number, terms: Terms | undefined): Answer<Decision>
  /** @internal As `peek`; what the call brings has been checked. */
  abstract peekUnder(key: string, cost: number, terms: Terms | undefined): Answer<Decision>
  /** @internal Waits for the limit itself, when its turn has come. */
  abstract waitUnder(
    key: string,
    cost: number,
    terms: Terms | undefined,
    patience: Standing,
  ): Promise<Decision>
  /** What a call brings beside its cost; `undefined` for nothing. */
  abstract termsOf(call: CallOptions, key?: string): Terms | undefined
  /**
   * @internal True where the limit is large enough for the call as it is now.
   *
   * @param ahead may what drains be reserved ahead? Then any cost passes in time that the limit may ever hold.
   * @throws CostTooLargeError where it never will be
   */
  abstract fits(cost: number, ahead: boolean, terms: Terms | undefined): boolean
  /** True where there is a class of this name. */
  abstract knows(name: string): boolean
  /** The kind of limit that cannot reserve, if it is one. */
  abstract get unheld(): string | undefined
  /** @internal Where the reservation is kept that this decision made. */
  abstract keeperOf(key: string, cost: number, terms: Terms, decision: Decision): ReservationKeeper
  protected abstract giveBack(key: string, cost: number, terms?: Terms): Answer<void>
  protected abstract forget(key: string): Answer<void>
  protected abstract hold(key: string, duration: Micros, replace: boolean): Answer<void>
  /** Goes on with another quota. */
  protected abstract requote(quota: QuotaChange): Answer<void>
  protected abstract counts(key: string): Answer<KeyCounts>
  /** The decision about a call that is not made. */
  protected abstract standing(key: string, cost: number): Answer<Decision>

  /** True where a call may bring a quota. */
  get quotable(): boolean {
    return false
  }

  /** @internal Of a limit that finds its numbers itself: the most that it may ever hold. */
  get most(): number | undefined {
    return undefined
  }

  /** The largest cost that can ever pass under `terms`. */
  capacityUnder({ rule, share }: Terms): number {
    const { most } = this
    return most === undefined ? (rule?.capacity ?? this.capacity) : most * share
  }

  /**
   * @internal The terms of a call that has waited, by the numbers that the limit has now: a class fills its share of these. Quotas are
   * numbers of their own.
   */
  anew(key: string, terms: Terms | undefined): Terms | undefined {
    if (terms === undefined || terms.share === 1 || terms.keys !== undefined) return terms
    const own = this.termsOf(terms.brought, key)
    return terms.hold === undefined ? own : withHold(own, terms.hold)
  }

  /** @internal The function, which tells how it went where the limit goes by that. */
  measured<T>(fn: Work<T>): Work<T> {
    return fn
  }

  /** @internal True where a call may hold what it takes until it ends. */
  get lends(): boolean {
    return false
  }

  /** A scheduled function has ended: gives back what is held only while it runs. */
  leave(_key: string, _cost: number, _decision?: Decision): void {}

  /** Something of `key` may be free now. */
  protected freed(_key: string): void {}

  async peek(key = '', call: number | CallOptions = 1): Promise<Decision> {
    const { cost, terms } = this.read(key, call)
    return this.peekUnder(key, cost, terms)
  }

  // Not an async function: that would make one more promise for each call, and a promise is a good part of what a call costs.
  wait(key = '', options: LimiterWaitOptions = {}): Promise<Decision> {
    known('limiter.wait', options, LIMITER_WAIT_OPTIONS)
    try {
      abortable(options.signal)
      const { cost, terms } = this.#checked(key, options)
      return this.waitInTurn(key, cost, terms, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** @internal As `wait`; what the call brings has been checked. */
  waitInTurn(
    key: string,
    cost: number,
    terms: Terms | undefined,
    options: LimiterWaitOptions,
  ): Promise<Decision> {
    return waitInTurn(this, key, options, (patience) => {
      const own = this.anew(key, terms)
      // The limit may have changed while others had their turns.
      if (patience.aside !== undefined) this.fits(cost, true, own)
      return this.waitUnder(key, cost, own, patience)
    })
  }

  async schedule<T>(
    key: string,
    fn: (signal: AbortSignal) => T | Promise<T>,
    options: LimiterWaitOptions = {},
  ): Promise<T> {
    known('limiter.schedule', options, LIMITER_WAIT_OPTIONS)
    const work = typeof fn === 'function' ? this.measured(fn) : fn
    return scheduled(this, key, work, options, this.ending)
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

  async release(key = '', call: number | CallOptions = 1): Promise<void> {
    const given = typeof call === 'number' ? { cost: call } : checkedCall(call)
    const cost = costOf(given)
    checkCall(key, cost, Number.MAX_VALUE)
    await this.releaseUnder(key, cost, this.termsOf(given, key))
  }

  /** @internal As `release`; what the call brings has been checked. */
  async releaseUnder(key: string, cost: number, terms: Terms | undefined): Promise<void> {
    const done = this.giveBack(key, cost, terms)
    if (done !== undefined) await done
    this.freed(key)
  }

  async reset(key = ''): Promise<void> {
    checkKey(key)
    const done = this.forget(key)
    if (done !== undefined) await done
    this.freed(key)
  }

  async block(key: string, duration: Duration, options: BlockOptions = {}): Promise<void> {
    checkKey(key)
    known('limiter.block', options, BLOCK_OPTIONS)
    const { replace = false } = options
    await this.hold(key, blockLength(duration), flag('replace', replace))
  }

  async unblock(key: string): Promise<void> {
    checkKey(key)
    const done = this.hold(key, 0, true)
    if (done !== undefined) await done
    this.freed(key)
  }

  async getStats(key = ''): Promise<LimiterStats> {
    checkKey(key)
    const standing = await this.standing(key, Math.min(1, this.capacity))
    const { limit, remaining, resetAfter } = standing
    return {
      name: this.name,
      allowed: this.allowed,
      denied: this.denied,
      ...(this.shadow && { wouldDeny: this.shadow.wouldDeny }),
      waiting: this.inLine,
      ...(await this.counts(key)),
      limit,
      remaining,
      resetAfter,
    }
  }

  async reconfigure(quota: QuotaChange): Promise<void> {
    checkOptions('quota', quota)
    const done = this.requote(quota)
    if (done !== undefined) await done
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal What a call brings, checked. */
  read(key: string, call: number | CallOptions): { cost: number; terms: Terms | undefined } {
    return this.#checked(key, typeof call === 'number' ? { cost: call } : checkedCall(call))
  }

  /** As {@link fits}, of a limit whose numbers are those of one rule. */
  protected fitsIn(own: Rule, cost: number, ahead: boolean, terms: Terms | undefined): boolean {
    const { capacity, held } = terms?.rule ?? own
    const most = terms === undefined ? this.capacity : this.capacityUnder(terms)
    if (cost <= capacity) return true
    if (cost > most) throw new CostTooLargeError(cost, most)
    return ahead && !held
  }

  #checked(key: string, call: CallOptions): { cost: number; terms: Terms | undefined } {
    const terms = this.termsOf(call, key)
    const cost = costOf(call)
    this.checkCost(key, cost, terms)
    return { cost, terms }
  }

  /** @throws OptionTypeError | OptionRangeError | CostTooLargeError for a call that can never pass. A shadow lets any cost pass. */
  protected checkCost(key: string, cost: number, terms: Terms | undefined): void {
    const most = terms === undefined ? this.capacity : this.capacityUnder(terms)
    checkCall(key, cost, most, this.shadow)
  }

  /**
   * Begins to count for `metrics`, once there is a name.
   *
   * @param ledger where its keys are, if it has one
   */
  protected observe(metrics: Meter | undefined, ledger?: Ledger): void {
    if (metrics === undefined) return
    this.meter = limiterMeter<LimiterVerbs>(metrics, this, ({ inLine }) => inLine, ledger)
    this.shadow?.observe(this.meter.series, this.name)
    this.events.meter()
  }

  /** Counts a call that passed at once, and tells the listeners. */
  protected pass(key: string, cost: number, terms: Terms | undefined): void {
    this.allowed += 1
    if (this.events.heard) this.#tellPassed(key, cost, terms)
  }

  // Apart, so that the hot path stays small where no listener is.
  #tellPassed(key: string, cost: number, terms: Terms | undefined): void {
    this.meter?.allowed.inc()
    if (this.events.listened) this.events.emit('allowed', { key, cost, ...terms?.brought })
  }

  /** Counts a call that has waited since `started`, and tells the listeners. */
  protected passLate(key: string, cost: number, started: number, terms: Terms | undefined): void {
    this.allowed += 1
    if (!this.events.heard) return
    const waited = (this.clock.now() - started) / 1000
    this.meter?.allowed.inc()
    this.meter?.waits.observe(waited)
    this.events.emit('waited', { key, cost, seconds: waited, ...terms?.brought })
  }

  /** Counts a call that was denied, and tells the listeners. */
  protected deny(key: string, cost: number, retryAfter: number, terms: Terms | undefined): void {
    this.denied += 1
    if (!this.events.heard) return
    this.meter?.denied.inc()
    if (this.events.listened) {
      this.events.emit('denied', { key, cost, retryAfter, ...terms?.brought })
    }
  }
}
