import type { Decision } from '../../core/decision.ts'
import type { Duration } from '../../core/duration.ts'
import type { RemoteLedger } from '../../core/storage.ts'
import type { Terms } from '../calls/terms.ts'
import type { Permit } from '../permit.ts'
import type { RemoteOptions } from '../remote/ledger-client.ts'
import { RemoteConcurrency } from '../remote/remote-concurrency.ts'
import type { Work } from '../scheduled.ts'
import { noLimit } from './adaptive-concurrency.ts'
import type { AdaptivePermits, ReadAdaptiveConcurrency } from './adaptive-concurrency-options.ts'
import { LatencyReports } from './latency-reports.ts'
import { RemoteLearner, summing } from './learner.ts'

/** How many at once over all processes that share a storage, found out from how long the calls of all of them take. */
export class RemoteAdaptiveConcurrency extends RemoteConcurrency implements AdaptivePermits {
  readonly #reports: LatencyReports
  readonly #most: number
  readonly #learner: RemoteLearner

  /**
   * @param ledger where the permits are
   * @param lessons where the law of the limit is kept
   */
  constructor(
    ledger: RemoteLedger,
    lessons: RemoteLedger,
    read: ReadAdaptiveConcurrency,
    options: RemoteOptions,
  ) {
    super(ledger, options)
    this.#most = read.most
    this.#learner = new RemoteLearner(
      lessons,
      this.clock,
      read.window,
      summing((one, other) => one + other),
      () => this.client.leftAlone === undefined,
      (limit) => this.#learn(limit),
    )
    this.#reports = new LatencyReports(read, this.clock, this.#learner)
  }

  get currentLimit(): number {
    return this.client.capacity
  }

  /** @internal The largest limit: a cost above the present one, or above the share of its class, waits or is denied until the limit has risen. */
  override get most(): number {
    return this.#most
  }

  /** @internal */
  override fits(cost: number, ahead: boolean, terms: Terms | undefined): boolean {
    // A call that waits for a larger limit has to hear of it.
    this.#learner.refresh()
    return super.fits(cost, ahead, terms)
  }

  reportSuccess(latency: Duration): void {
    this.#reports.success(latency)
  }

  reportError(): void {
    this.#reports.error()
  }

  /** @internal */
  override measured<T>(fn: Work<T>): Work<T> {
    return this.#reports.measured(fn)
  }

  protected override async decide(
    move: 'reserve' | 'peek',
    key: string,
    cost: number,
    terms?: Terms,
  ): Promise<Decision> {
    const decision = await super.decide(move, key, cost, terms)
    // A denied call shows that the whole limit is in use.
    if (move === 'reserve' && !decision.degraded) {
      this.#reports.busy(decision.limit - (decision.allowed ? decision.remaining : 0))
    }
    this.#learner.refresh()
    return decision
  }

  protected override change(): Promise<never> {
    return Promise.reject(noLimit())
  }

  protected override issue(key: string, tokens: number, decision?: Decision): Permit {
    return super.issue(key, tokens, decision, this.#reports.begin())
  }

  #learn(limit: number): void {
    const next = Math.floor(limit)
    if (next === this.currentLimit) return
    void this.client.reconfigure({ limit: next })
    if (this.events.heard) this.events.emit('reconfigured', { limit: next })
  }
}
