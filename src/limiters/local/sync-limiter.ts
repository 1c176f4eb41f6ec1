import type { Clock } from '../../core/clock.ts'
import type { Decision } from '../../core/decision.ts'
import { type Micros, toMillis } from '../../core/duration.ts'
import { ClosedError, WaitTimeoutError } from '../../core/errors.ts'
import type { QuotaChange } from '../../core/rule.ts'
import { checkCall } from '../calls/arguments.ts'
import type { CallOptions } from '../calls/call-options.ts'
import type { Terms } from '../calls/terms.ts'
import { seconds } from '../decision-of.ts'
import { late } from '../late.ts'
import type { LocalLimiter } from '../limiter.ts'
import type { Standing } from '../turns.ts'
import type { WaitedLimit } from './line.ts'
import { SyncMoves } from './sync-moves.ts'
import { Waiting } from './waiting.ts'

// The two answers are made once: awaiting a settled promise is the cheapest `await`.
const YES: Promise<boolean> = Promise.resolve(true)
const NO: Promise<boolean> = Promise.resolve(false)

/**
 * All verbs of a limiter that answers at once. The kinds of limiters differ in three operations: take, give back, forecast.
 */
export abstract class SyncLimiter extends SyncMoves implements LocalLimiter, WaitedLimit {
  /** @internal */
  readonly waiting: Waiting

  /**
   * @param ledgers the ledgers that it asks; its calls share the line with those of other limiters over the same ledgers
   * @param keyed true when its keys mean the same to all these limiters
   */
  constructor(clock: Clock, ledgers: readonly object[], keyed: boolean, shadow = false) {
    super(clock, shadow)
    this.waiting = new Waiting(this, clock, ledgers, keyed)
  }

  // Nearly all calls have a cost and no terms. They have a short way of their own, which the engine compiles into one piece.

  allow(key = '', call: number | CallOptions = 1): boolean {
    if (typeof call !== 'number') return this.#allowUnder(key, call)
    checkCall(key, call, this.capacity, this.shadow)
    return this.#count(key, call, this.take(key, call, 0), undefined)
  }

  #allowUnder(key: string, call: CallOptions): boolean {
    const { cost, terms } = this.read(key, call)
    return this.#count(key, cost, this.take(key, cost, 0, terms), terms)
  }

  decide(key = '', call: number | CallOptions = 1): Decision {
    if (typeof call !== 'number') return this.#decideUnder(key, call)
    checkCall(key, call, this.capacity, this.shadow)
    return this.consumeUnder(key, call, undefined)
  }

  #decideUnder(key: string, call: CallOptions): Decision {
    const { cost, terms } = this.read(key, call)
    return this.consumeUnder(key, cost, terms)
  }

  /** @internal As `decide`, with checked terms. */
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

  /** @internal As `peek`, with checked terms. */
  peekUnder(key: string, cost: number, terms: Terms | undefined): Decision {
    const decision = this.decision(key, cost, this.look(key, cost, terms), terms)
    return this.shadow?.foretell(decision) ?? decision
  }

  /** @internal As `wait`, with checked terms. */
  async waitUnder(
    key: string,
    cost: number,
    terms: Terms | undefined,
    { timeout, signal, aside }: Standing,
  ): Promise<Decision> {
    if (this.waiting.closed) throw new ClosedError(this.name)
    if (this.shadow !== undefined) return this.consumeUnder(key, cost, terms)
    signal?.throwIfAborted()
    const started = this.clock.now()
    const patience = timeout === undefined ? Infinity : toMillis('timeout', timeout)
    // With a little patience a leaky bucket makes calls wait for their turn, even now; without any it lets them into the bucket at once.
    const little = patience === 0 ? 0 : Number.MIN_VALUE
    const busy = this.waiting.busy(key, terms?.share)
    if (busy || this.take(key, cost, little, terms) < 0) {
      try {
        if (terms?.bound === 'closed') throw late(key, Infinity)
        const deadline = started + patience
        await this.waiting.join(key, cost, { deadline, signal, terms, aside })
      } catch (error) {
        this.deny(key, cost, error instanceof WaitTimeoutError ? error.retryAfter : 0, terms)
        throw error
      }
      this.lookAgain(key, cost, terms)
    }
    const decision = this.decision(key, cost, 0, this.anew(key, terms))
    this.passLate(key, cost, started, terms)
    return decision
  }

  async close(): Promise<void> {
    this.turns.close(this.name)
    this.waiting.close(this.name)
    this.meter?.series.end()
  }

  /** Called before the decision of a call that has waited is made: other calls may have taken tokens since. */
  protected lookAgain(key: string, cost: number, terms: Terms | undefined): void {
    this.look(key, cost, terms)
  }

  protected get inLine(): number {
    return this.waiting.count
  }

  protected get ending(): AbortSignal {
    return NEVER
  }

  protected override freed(key: string): void {
    this.waiting.wake(key)
  }

  protected standing(key: string, cost: number): Decision {
    return this.decision(key, cost, this.look(key, cost))
  }

  protected requote(quota: QuotaChange): void {
    this.waiting.changing(() => this.change(quota))
  }

  /** Counts an answer and tells the listeners. @returns true when the call may pass */
  #count(key: string, cost: number, wait: Micros, terms: Terms | undefined): boolean {
    if (wait < 0 && this.#refused(key, cost, wait, terms)) return false
    this.pass(key, cost, terms)
    return true
  }

  /** Counts a denial; a shadow lets the call through. @returns true when the call is denied */
  #refused(key: string, cost: number, wait: Micros, terms: Terms | undefined): boolean {
    if (this.shadow === undefined) this.deny(key, cost, seconds(-wait), terms)
    else this.shadow.overlook()
    return this.shadow === undefined
  }
}

const NEVER = new AbortController().signal
