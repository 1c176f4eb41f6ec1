import { type Clock, systemClock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import { type Duration, type Micros, type Millis, toMillis } from '../core/duration.ts'
import type { QuotaChange } from '../core/rule.ts'
import type { Move, RemoteLedger, RemoteStep, RemoteStorage, Verdict } from '../core/storage.ts'
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
  readonly #storage: RemoteStorage
  readonly #policy: OutagePolicy
  readonly #standIn: LocalLimiter | undefined
  readonly #outage: Outage

  constructor(ledger: RemoteLedger, options: RemoteOptions) {
    super(options.name, options.clock ?? systemClock)
    this.ledger = ledger
    this.#storage = ledger.storage
    this.#policy = options.policy
    this.#standIn = options.standIn
    const timeout =
      options.timeout === undefined ? undefined : toMillis('storageTimeout', options.timeout)
    this.#outage = new Outage(this.clock, timeout, {
      storageError: (error) => this.events.emit('storageError', { error }),
      recovered: () => this.events.emit('recovered', {}),
    })
  }

  get capacity(): number {
    return this.ledger.rule.capacity
  }

  protected async decide(move: 'reserve' | 'peek', key: string, cost: number): Promise<Decision> {
    const verdict = await this.#ask(move, key, cost, 0)
    return verdict instanceof Error || verdict === undefined
      ? this.#withoutStorage(verdict, move, key, cost)
      : decisionOf(verdict, this.capacity, cost)
  }

  /** Reserves a place in the storage, and acts when its time has come: in order of arrival over all processes. */
  protected override async serve(
    key: string,
    cost: number,
    deadline: Millis,
    signal: AbortSignal | undefined,
  ): Promise<Decision> {
    for (;;) {
      const now = this.clock.now()
      const patience = Math.max(0, (deadline - now) * 1000)
      const verdict = await this.#ask('reserve', key, cost, Math.floor(patience))
      if (verdict === undefined || verdict instanceof Error) {
        if (this.#policy === 'local') return this.#waitAtHome(key, cost, deadline, signal)
        const decision = await this.#withoutStorage(verdict, 'reserve', key, cost)
        if (decision.allowed) return decision
        const again = this.clock.now() + decision.retryAfter * 1000
        if (again > deadline) throw late(key, decision.retryAfter)
        await this.pass(again, signal)
        continue
      }
      if (verdict.wait < 0) {
        // A block is the one denial that time ends and no reservation can wait out.
        const again = now - verdict.wait / 1000
        if (again > deadline || verdict.wait === -Infinity) throw late(key, -verdict.wait / 1e6)
        await this.pass(again, signal)
        continue
      }
      await this.#actAt(now + verdict.wait / 1000, key, cost, verdict.wait, signal)
      return decisionOf({ ...verdict, wait: 0 }, this.capacity, cost)
    }
  }

  protected async giveBack(key: string, cost: number): Promise<void> {
    await this.#move('refund', key, cost, 0)
  }

  protected async forget(key: string): Promise<void> {
    await this.#move('reset', key, 1, 0)
  }

  protected async hold(key: string, duration: Micros): Promise<void> {
    await this.#move('block', key, 1, duration)
  }

  protected async change(quota: QuotaChange): Promise<void> {
    this.ledger.reconfigure(this.ledger.rule.with(quota))
  }

  /** Who knows how many keys others have: none are counted. */
  protected async counts(): Promise<{ keys: number; evicted: number }> {
    return { keys: 0, evicted: 0 }
  }

  /** The verdict; `undefined` or the failure when the storage cannot be asked. */
  async #ask(
    move: Move,
    key: string,
    cost: number,
    extra: Micros,
  ): Promise<Verdict | Error | undefined> {
    const answer = await this.#outage.ask(() => this.#move(move, key, cost, extra))
    return 'failure' in answer ? answer.failure : answer
  }

  async #move(move: Move, key: string, cost: number, extra: Micros): Promise<Verdict> {
    const steps: RemoteStep[] = [{ ledger: this.ledger, key }]
    const verdicts = await this.#storage.run(move, steps, cost, extra)
    return verdicts[0] as Verdict
  }

  /** Waits for the moment a reservation is due; when the caller leaves before, it is given back. */
  async #actAt(
    due: Millis,
    key: string,
    cost: number,
    wait: Micros,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (wait === 0) return
    try {
      await this.pass(due, signal)
    } catch (reason) {
      const left = Math.max(0, Math.ceil((due - this.clock.now()) * 1000))
      await this.#move('refund', key, cost, left)
      throw reason
    }
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
        const decision = move === 'peek' ? await standIn.peek(key, cost) : standIn.decide(key, cost)
        return { ...decision, degraded: true }
      }
      case 'throw':
        throw failure ?? this.#outage.lastFailure
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
