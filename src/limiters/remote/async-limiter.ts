import { at, type Clock } from '../../core/clock.ts'
import type { Decision } from '../../core/decision.ts'
import { type Millis, toMillis } from '../../core/duration.ts'
import { ClosedError } from '../../core/errors.ts'
import { inTime, TRIP } from '../../core/in-time.ts'
import type { QuotaChange } from '../../core/rule.ts'
import type { RemoteLedger } from '../../core/storage.ts'
import type { CallOptions } from '../calls/call-options.ts'
import type { Terms } from '../calls/terms.ts'
import { late } from '../late.ts'
import type { KeyCounts } from '../limiter.ts'
import { LimiterVerbs } from '../limiter-verbs.ts'
import type { Standing } from '../turns.ts'
import { until } from '../until.ts'
import type { LedgerClient } from './ledger-client.ts'

/** A waiting call that is denied for longer asks again after this time: the limit may have changed, or another process may have ended a block. */
export const LONGEST_PAUSE: Millis = 10_000

/** How long a caller waits. */
export interface Waits {
  readonly deadline: Millis
  readonly signal: AbortSignal | undefined
  /** Called when the present limit is too small for the call, so that other calls need not wait behind it. */
  readonly aside?: (() => void) | undefined
}

/** All verbs of a limiter that answers with promises, over the operations in which such limiters differ. */
export abstract class AsyncLimiter extends LimiterVerbs {
  readonly name: string
  protected readonly closing: AbortController = new AbortController()
  protected waiting = 0

  constructor(name: string, clock: Clock, shadow = false) {
    super(clock, shadow)
    this.name = name
  }

  /** @internal Asks the storage, if there is one storage. Composites use its knowledge of outages. */
  readonly client: LedgerClient | undefined = undefined
  /** The ledger, when one ledger decides alone. Composites ask the ledgers of all their members at once. */
  get ledger(): RemoteLedger | undefined {
    return undefined
  }
  /** Takes `cost`, or only checks whether it could. The key and the cost are checked already. */
  protected abstract decide(
    move: 'reserve' | 'peek',
    key: string,
    cost: number,
    terms?: Terms,
  ): Promise<Decision>
  protected abstract override giveBack(key: string, cost: number, terms?: Terms): Promise<void>
  protected abstract override counts(key: string): Promise<KeyCounts>
  protected abstract change(quota: QuotaChange): Promise<void>
  /** Takes `cost` for a call that waits, as soon as the limit has it, and resolves when the call may go. */
  protected abstract serve(
    key: string,
    cost: number,
    waits: Waits,
    terms?: Terms,
  ): Promise<Decision>
  /** Takes `cost` for a call that does not wait. */
  protected take(key: string, cost: number, terms?: Terms): Promise<Decision> {
    return this.decide('reserve', key, cost, terms)
  }

  async acquire(key = '', call: number | CallOptions = 1): Promise<boolean> {
    return (await this.consume(key, call)).allowed
  }

  async consume(key = '', call: number | CallOptions = 1): Promise<Decision> {
    const { cost, terms } = this.read(key, call)
    return this.consumeUnder(key, cost, terms)
  }

  /** @internal As `consume`, with checked terms. */
  async consumeUnder(key: string, cost: number, terms: Terms | undefined): Promise<Decision> {
    this.#checkOpen()
    const given = await this.take(key, cost, terms)
    const decision = this.shadow?.cast(given) ?? given
    this.tell(key, decision, terms)
    return decision
  }

  /** @internal As `peek`, with checked terms. */
  async peekUnder(key: string, cost: number, terms: Terms | undefined): Promise<Decision> {
    this.#checkOpen()
    const decision = await this.decide('peek', key, cost, terms)
    return this.shadow?.foretell(decision) ?? decision
  }

  /** @internal As `wait`, with checked terms. */
  async waitUnder(
    key: string,
    cost: number,
    terms: Terms | undefined,
    { timeout, signal, aside }: Standing,
  ): Promise<Decision> {
    this.#checkOpen()
    if (this.shadow !== undefined) return this.consumeUnder(key, cost, terms)
    signal?.throwIfAborted()
    const started = this.clock.now()
    const deadline = timeout === undefined ? Infinity : started + toMillis('timeout', timeout)
    this.waiting += 1
    try {
      if (terms?.bound === 'closed') throw late(key, Infinity)
      const decision = await this.serve(key, cost, { deadline, signal, aside }, terms)
      this.decided(true)
      this.passLate(key, cost, started, terms)
      return decision
    } catch (error) {
      this.denied += 1
      this.meter?.denied.inc()
      throw error
    } finally {
      this.waiting -= 1
    }
  }

  async close(): Promise<void> {
    this.turns.close(this.name)
    this.closing.abort(new ClosedError(this.name))
    this.meter?.series.end()
  }

  protected get inLine(): number {
    return this.waiting
  }

  protected get ending(): AbortSignal {
    return this.closing.signal
  }

  protected standing(key: string, cost: number): Promise<Decision> {
    return this.decide('peek', key, cost)
  }

  protected requote(quota: QuotaChange): Promise<void> {
    return this.change(quota)
  }

  /** Counts a decision and tells the listeners. */
  protected tell(key: string, decision: Decision, terms?: Terms): void {
    const { allowed, cost, retryAfter } = decision
    this.decided(allowed)
    if (allowed) this.pass(key, cost, terms)
    else this.deny(key, cost, retryAfter, terms)
  }

  /** @internal A call was let through, or was not. */
  decided(_allowed: boolean): void {}

  /** Lets time pass until `moment`. */
  protected sleepUntil(moment: Millis, signal: AbortSignal | undefined): Promise<void> {
    return this.until(signal, (resolve) => at(this.clock, moment, resolve))
  }

  /** Waits for the operation that `begin` starts, unless a signal aborts or the limiter closes. */
  protected until(
    signal: AbortSignal | undefined,
    begin: (resolve: () => void, reject: (reason: unknown) => void) => () => void,
  ): Promise<void> {
    const closing = this.closing.signal
    return until(signal === undefined ? [closing] : [closing, signal], begin)
  }

  /**
   * The answer of the storage to a call that waits. The call waits for it until `deadline` at the latest, or until its `signal` aborts.
   *
   * @param undo gives the tokens back when the storage grants them after the call has left
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

  #checkOpen(): void {
    this.closing.signal.throwIfAborted()
  }
}
