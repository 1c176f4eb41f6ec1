import { type Clock, systemClock } from '../core/clock.ts'
import { within } from '../core/deadline.ts'
import type { Decision } from '../core/decision.ts'
import { type Duration, type Micros, type Millis, toMillis } from '../core/duration.ts'
import { isAioFluxError } from '../core/errors.ts'
import type { QuotaChange } from '../core/rule.ts'
import type { Move, RemoteLedger, Verdict } from '../core/storage.ts'
import { checkCall } from './arguments.ts'
import { AsyncLimiter, late } from './async-limiter.ts'
import { decisionOf } from './decision-of.ts'
import type { LocalLimiter } from './limiter.ts'
import { degraded, Outage, type OutagePolicy } from './outage.ts'

export interface RemoteOptions {
  readonly name: string
  readonly clock?: Clock | undefined
  readonly policy: OutagePolicy
  readonly timeout?: Duration | undefined
  /** Answers in an outage under the policy 'local'. */
  readonly standIn?: LocalLimiter | undefined
}

/** One rule, asked through a storage that lies elsewhere. */
export class RemoteLimiter extends AsyncLimiter {
  readonly ledger: RemoteLedger
  readonly #policy: OutagePolicy
  readonly #standIn: LocalLimiter | undefined
  readonly #timeout: Millis | undefined
  readonly #outage: Outage

  constructor(ledger: RemoteLedger, options: RemoteOptions) {
    super(options.name, options.clock ?? systemClock)
    const { policy, standIn, timeout } = options
    this.ledger = ledger
    this.#policy = policy
    this.#standIn = standIn
    this.#timeout = timeout === undefined ? undefined : toMillis('storageTimeout', timeout)
    this.#outage = new Outage(this.clock)
  }

  get capacity(): number {
    return this.ledger.rule.capacity
  }

  // The two verbs of the hot path, without a promise more than they need.

  override acquire(key = '', tokens = 1): Promise<boolean> {
    try {
      this.#check(key, tokens)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#ask(
      'reserve',
      key,
      tokens,
      0,
      (verdict) => {
        if (this.events.heard) this.tell(key, decisionOf(verdict, this.capacity, tokens))
        else if (verdict.wait >= 0) this.allowed += 1
        else this.denied += 1
        return verdict.wait >= 0
      },
      (failure) => this.#answerFor(failure, key, tokens).then((decision) => decision.allowed),
    )
  }

  override consume(key = '', cost = 1): Promise<Decision> {
    try {
      this.#check(key, cost)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#ask(
      'reserve',
      key,
      cost,
      0,
      (verdict) => {
        const decision = decisionOf(verdict, this.capacity, cost)
        this.tell(key, decision)
        return decision
      },
      (failure) => this.#answerFor(failure, key, cost),
    )
  }

  protected decide(move: 'reserve' | 'peek', key: string, cost: number): Promise<Decision> {
    return this.#ask(
      move,
      key,
      cost,
      0,
      (verdict) => decisionOf(verdict, this.capacity, cost),
      (failure) => this.#withoutStorage(failure, move, key, cost),
    )
  }

  /** Reserves a place in the storage, and acts when its time has come: in order of arrival over all processes. */
  protected override async serve(
    key: string,
    cost: number,
    deadline: Millis,
    signal: AbortSignal | undefined,
  ): Promise<Decision> {
    for (;;) {
      const asked = this.clock.now()
      const patience = Math.floor(Math.max(0, deadline - asked) * 1000)
      const verdict = await this.#ask<Verdict | { failure: Error | undefined }>(
        'reserve',
        key,
        cost,
        patience,
        (given) => given,
        (failure) => ({ failure }),
      )
      if ('failure' in verdict) {
        if (this.#policy === 'local') return this.#waitAtHome(key, cost, deadline, signal)
        const decision = await this.#withoutStorage(verdict.failure, 'reserve', key, cost)
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
    await this.ledger.run('refund', key, cost, 0)
  }

  protected async forget(key: string): Promise<void> {
    await this.ledger.run('reset', key, 1, 0)
  }

  protected async hold(key: string, duration: Micros): Promise<void> {
    await this.ledger.run('block', key, 1, duration)
  }

  protected async change(quota: QuotaChange): Promise<void> {
    this.ledger.reconfigure(this.ledger.rule.with(quota))
  }

  /** Who knows how many keys others have: none are counted. */
  protected async counts(): Promise<{ keys: number; evicted: number }> {
    return { keys: 0, evicted: 0 }
  }

  #check(key: string, cost: number): void {
    checkCall(key, cost, this.capacity)
    this.closing.signal.throwIfAborted()
  }

  /** Asks the storage, unless it is being left alone; what it answers is put to `use`, what it does not to `without`. */
  #ask<T>(
    move: Move,
    key: string,
    cost: number,
    extra: Micros,
    use: (verdict: Verdict) => T,
    without: (failure: Error | undefined) => T | Promise<T>,
  ): Promise<T> {
    const outage = this.#outage
    if (outage.left > 0) return Promise.resolve(without(outage.failure))
    outage.asking()
    const answer = this.ledger.run(move, key, cost, extra)
    return (this.#timeout === undefined ? answer : within(this.#timeout, answer)).then(
      (verdict) => {
        if (outage.answered()) this.events.emit('recovered', {})
        return use(verdict)
      },
      (error) => {
        // Only failures of the storage count. An error of the caller's is the caller's.
        if (!isAioFluxError(error, 'STORAGE_DOWN')) throw error
        outage.failed(error)
        this.events.emit('storageError', { error })
        return without(error)
      },
    )
  }

  async #answerFor(failure: Error | undefined, key: string, cost: number): Promise<Decision> {
    const decision = await this.#withoutStorage(failure, 'reserve', key, cost)
    this.tell(key, decision)
    return decision
  }

  async #withoutStorage(
    failure: Error | undefined,
    move: 'reserve' | 'peek',
    key: string,
    cost: number,
  ): Promise<Decision> {
    const { left } = this.#outage
    switch (this.#policy) {
      case 'allow':
        return degraded(true, this.capacity, cost, left)
      case 'deny':
        return degraded(false, this.capacity, cost, left)
      case 'local': {
        const standIn = this.#standIn as LocalLimiter
        const answer = move === 'peek' ? standIn.peek(key, cost) : standIn.consume(key, cost)
        return { ...(await answer), degraded: true }
      }
      case 'throw':
        throw failure
    }
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
      await this.ledger.run('refund', key, cost, left)
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
    const decision = await (this.#standIn as LocalLimiter).wait(key, {
      cost,
      ...(deadline < Infinity && { timeout }),
      ...(signal && { signal }),
    })
    return { ...decision, degraded: true }
  }
}
