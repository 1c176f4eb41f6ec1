import type { Duration } from '../../core/duration.ts'
import type { RemoteLedger } from '../../core/storage.ts'
import type { Terms } from '../calls/terms.ts'
import type { RemoteOptions } from '../remote/ledger-client.ts'
import { RemoteLimiter } from '../remote/remote-limiter.ts'
import { type Adaptive, noRate, type ReadAdaptive } from './adaptive-options.ts'
import { RemoteLearner, summing } from './learner.ts'
import { RateReports } from './rate-reports.ts'

/** A rate for all processes that share a storage, learnt from the outcomes of all of them. */
export class RemoteAdaptive extends RemoteLimiter implements Adaptive {
  readonly #reports: RateReports
  readonly #learner: RemoteLearner
  readonly #most: number

  /**
   * @param ledger where the buckets are
   * @param lessons where the law of the rate is kept
   */
  constructor(
    ledger: RemoteLedger,
    lessons: RemoteLedger,
    read: ReadAdaptive,
    options: RemoteOptions,
  ) {
    super(ledger, options, false)
    this.#most = read.most
    this.#learner = new RemoteLearner(
      lessons,
      this.clock,
      read.window,
      summing(Math.max),
      () => this.client.leftAlone === undefined,
      (rate) => this.#learn(rate),
    )
    this.#reports = new RateReports(read, this.clock, () => this.#learner)
    const series = this.meter?.series
    const rates = series?.gauge('aioflux_limiter_rate', {
      help: 'Calls per second that pass now, of adaptive limiters.',
    })
    if (rates === undefined) return
    const rate = rates.with({ limiter: this.name })
    series?.follow<RemoteAdaptive>(rate, this, ({ currentRate }) => currentRate)
  }

  override get unheld(): string {
    return 'adaptive'
  }

  /** @internal That of the highest rate: a cost that the bucket is too small for now waits or is denied until the rate has risen. */
  override get most(): number {
    return this.#most
  }

  get currentRate(): number {
    return this.#reports.rate
  }

  reportSuccess(latency?: Duration): void {
    this.#reports.success(latency)
  }

  reportError(): void {
    this.#reports.error()
  }

  /** @internal */
  override fits(cost: number, ahead: boolean, terms: Terms | undefined): boolean {
    // A call that waits for a higher rate has to hear of it.
    this.#learner.refresh()
    return super.fits(cost, ahead, terms)
  }

  override decided(allowed: boolean): void {
    this.#reports.decided(allowed)
    this.#learner.refresh()
  }

  protected override async giveBack(key: string, cost: number, terms?: Terms): Promise<void> {
    await super.giveBack(key, cost, terms)
    this.#reports.retract()
  }

  protected override change(): Promise<never> {
    return Promise.reject(noRate())
  }

  #learn(rate: number): void {
    if (rate === this.#reports.rate) return
    this.#reports.learn(rate)
    void this.client.reconfigure({ rate })
  }
}
