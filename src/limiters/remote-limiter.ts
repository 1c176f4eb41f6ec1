import { systemClock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import type { Micros, Millis } from '../core/duration.ts'
import { isAioFluxError } from '../core/errors.ts'
import type { Policy } from '../core/policy.ts'
import type { QuotaChange } from '../core/rule.ts'
import type { RemoteLedger, Verdict } from '../core/storage.ts'
import { checkCall } from './arguments.ts'
import { AsyncLimiter, late } from './async-limiter.ts'
import { decisionOf } from './decision-of.ts'
import type { KeyCounts } from './limiter.ts'
import { policyOf } from './policy-of.ts'
import { RemoteDesk, type RemoteOptions } from './remote-desk.ts'
import type { SyncLimiter } from './sync-limiter.ts'

// There are only two answers, so they are made once: awaiting a settled promise is the least an `await` can cost.
const YES: Promise<boolean> = Promise.resolve(true)
const NO: Promise<boolean> = Promise.resolve(false)

/** One rule, asked through a storage that lies elsewhere. */
export class RemoteLimiter extends AsyncLimiter {
  /** @internal */
  override readonly desk: RemoteDesk

  constructor(ledger: RemoteLedger, options: RemoteOptions) {
    super(options.name, options.clock ?? systemClock)
    this.desk = new RemoteDesk(ledger, options, this.clock, this.events)
    this.observe(options.metrics)
  }

  override get ledger(): RemoteLedger {
    return this.desk.ledger
  }

  get capacity(): number {
    return this.desk.capacity
  }

  get policies(): readonly Policy[] {
    return [policyOf(this.name, this.ledger.rule)]
  }

  // The two verbs of the hot path, without a promise more than they need.

  override acquire(key = '', tokens = 1): Promise<boolean> {
    let verdict: Verdict | undefined
    try {
      verdict = this.#atOnce(key, tokens)
    } catch (error) {
      return Promise.reject(error)
    }
    if (verdict !== undefined) return this.#grants(key, tokens, verdict) ? YES : NO
    return this.desk.ask(
      'reserve',
      key,
      tokens,
      0,
      (given) => this.#grants(key, tokens, given),
      (failure) => this.#answerFor(failure, key, tokens).then((decision) => decision.allowed),
    )
  }

  override consume(key = '', cost = 1): Promise<Decision> {
    let verdict: Verdict | undefined
    try {
      verdict = this.#atOnce(key, cost)
    } catch (error) {
      return Promise.reject(error)
    }
    if (verdict !== undefined) return Promise.resolve(this.#decided(key, cost, verdict))
    return this.desk.ask(
      'reserve',
      key,
      cost,
      0,
      (given) => this.#decided(key, cost, given),
      (failure) => this.#answerFor(failure, key, cost),
    )
  }

  override async close(): Promise<void> {
    await super.close()
    this.desk.close()
  }

  protected decide(move: 'reserve' | 'peek', key: string, cost: number): Promise<Decision> {
    return this.desk.ask(
      move,
      key,
      cost,
      0,
      (verdict) => decisionOf(verdict, this.capacity, cost),
      (failure) => this.desk.withoutStorage(failure, move, key, cost),
    )
  }

  /** Reserves a place in the storage, and acts when its time has come: in order of arrival over all processes. */
  protected async serve(
    key: string,
    cost: number,
    deadline: Millis,
    signal: AbortSignal | undefined,
  ): Promise<Decision> {
    for (;;) {
      const asked = this.clock.now()
      const patience = Math.floor(Math.max(0, deadline - asked) * 1000)
      const verdict = await this.desk.ask<Verdict | { failure: Error | undefined }>(
        'reserve',
        key,
        cost,
        patience,
        (given) => given,
        (failure) => ({ failure }),
      )
      if ('failure' in verdict) {
        if (this.desk.policy === 'local') return this.#waitAtHome(key, cost, deadline, signal)
        const decision = await this.desk.withoutStorage(verdict.failure, 'reserve', key, cost)
        if (decision.allowed) return decision
        await this.#passUnlessLate(key, decision.retryAfter, deadline, signal)
      } else if (verdict.wait >= 0) {
        await this.#actIn(verdict.wait, asked, key, cost, signal)
        return decisionOf({ ...verdict, wait: 0 }, this.capacity, cost)
      } else {
        // Only a block denies those with patience enough; it ends by itself.
        await this.#passUnlessLate(key, -verdict.wait / 1e6, deadline, signal)
      }
    }
  }

  protected async giveBack(key: string, cost: number): Promise<void> {
    const rest = this.desk.giveBackAtHome(key, cost)
    if (rest === 0) return
    try {
      await this.desk.tell('refund', key, Math.min(rest, this.capacity), 0)
    } catch (error) {
      // Under 'local' an outage fails no call. What the storage granted comes back there as time passes.
      if (this.desk.policy !== 'local' || !isAioFluxError(error, 'STORAGE_DOWN')) throw error
    }
  }

  protected async forget(key: string): Promise<void> {
    await this.desk.forget(key)
  }

  protected async hold(key: string, duration: Micros): Promise<void> {
    await this.desk.tell('block', key, 1, duration)
  }

  protected async change(quota: QuotaChange): Promise<void> {
    await this.desk.reconfigure(quota)
  }

  /** Who knows how many keys others have: none are counted. */
  protected async counts(): Promise<KeyCounts> {
    return { keys: 0, evicted: 0, crowded: 0 }
  }

  /** Checks the call, and answers it if the storage need not be asked. */
  #atOnce(key: string, cost: number): Verdict | undefined {
    checkCall(key, cost, this.capacity)
    this.closing.signal.throwIfAborted()
    return this.ledger.spend?.(key, cost)
  }

  #grants(key: string, cost: number, verdict: Verdict): boolean {
    if (this.events.listened) this.tell(key, decisionOf(verdict, this.capacity, cost))
    else this.count(verdict.wait >= 0)
    return verdict.wait >= 0
  }

  #decided(key: string, cost: number, verdict: Verdict): Decision {
    const decision = decisionOf(verdict, this.capacity, cost)
    this.tell(key, decision)
    return decision
  }

  async #answerFor(failure: Error | undefined, key: string, cost: number): Promise<Decision> {
    const decision = await this.desk.withoutStorage(failure, 'reserve', key, cost)
    this.tell(key, decision)
    return decision
  }

  async #passUnlessLate(
    key: string,
    seconds: number,
    deadline: Millis,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const again = this.clock.now() + seconds * 1000
    if (again > deadline || seconds === Infinity) throw late(key, seconds)
    await this.pass(again, signal)
  }

  /**
   * Acts when a reservation is due, which is `wait` after the storage was asked: sometime between `asked` and now. So
   * that nobody is early however slow his line, the wait begins now. When the caller leaves before, it is given back.
   */
  async #actIn(
    wait: Micros,
    asked: Millis,
    key: string,
    cost: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      signal?.throwIfAborted()
      if (wait > 0) await this.pass(this.clock.now() + wait / 1000, signal)
    } catch (reason) {
      // What gives it back takes as long to get there as what asked for it, so this is what is left when it does.
      const left = Math.max(0, Math.ceil((asked - this.clock.now()) * 1000) + wait)
      // In an outage it is not given back, and its time passes. The caller hears why it left, and nothing of that.
      await this.desk.tell('refund', key, cost, left).catch(() => {})
      throw reason
    }
  }

  async #waitAtHome(
    key: string,
    cost: number,
    deadline: Millis,
    signal: AbortSignal | undefined,
  ): Promise<Decision> {
    const timeout = Math.max(0, deadline - this.clock.now()) / 1000
    const decision = await (this.desk.standIn as SyncLimiter).wait(key, {
      cost,
      ...(deadline < Infinity && { timeout }),
      ...(signal && { signal }),
    })
    return { ...decision, degraded: true }
  }
}
