import { known } from '../../core/check.ts'
import type { Duration, Micros } from '../../core/duration.ts'
import type { Meter } from '../../core/meter.ts'
import type { QuotaChange } from '../../core/rule.ts'
import type { Ledger } from '../../core/storage.ts'
import { tokenBucket } from '../../rules/token-bucket.ts'
import { memoryLedger } from '../../storage/memory-ledger.ts'
import type { Terms } from '../calls/terms.ts'
import { RuleLimiter } from '../local/rule-limiter.ts'
import {
  ADAPTIVE_OPTIONS,
  type Adaptive,
  type AdaptiveOptions,
  noRate,
  readAdaptive,
} from './adaptive-options.ts'
import { LocalLearner } from './learner.ts'
import { RateReports } from './rate-reports.ts'

/**
 * A token bucket whose rate follows the other side: it falls fast on failures, and rises slowly while calls succeed.
 *
 * Report how each call that passed has ended. Denials of this limiter do not count, and reports about calls that it denied are
 * ignored. Adaptive limiters that share a storage and a scope learn one rate together.
 *
 * Each key has a bucket of its own, of one second. All buckets have one rate, because it describes the other side: two keys together get
 * twice the rate. Use one key for all calls to one other side.
 *
 * @example
 * const limiter = LimiterFactory.adaptive({ initialRate: 50, targetLatency: '300ms' })
 * if (await limiter.acquire()) {
 *   const started = performance.now()
 *   try {
 *     await callUpstream()
 *     limiter.reportSuccess((performance.now() - started) / 1000)
 *   } catch (error) {
 *     limiter.reportError()
 *     throw error
 *   }
 * }
 */
export class AdaptiveLimiter extends RuleLimiter implements Adaptive {
  readonly #reports: RateReports
  readonly #most: number
  /** The rate the bucket runs at. */
  #set: number

  constructor(options: AdaptiveOptions = {}) {
    known('AdaptiveLimiter', options, ADAPTIVE_OPTIONS)
    const read = readAdaptive(options)
    const { law, initialRate, common } = read
    super(tokenBucket({ rate: initialRate }), { name: 'adaptive', ...common }, memoryLedger, false)
    this.#set = initialRate
    this.#most = read.most
    this.#reports = new RateReports(
      read,
      this.clock,
      (reports) => new LocalLearner(law, this.clock, this.ledger, (rate) => reports.learn(rate)),
    )
  }

  override get unheld(): string {
    return 'adaptive'
  }

  /** The capacity at `maxRate`. A larger cost than the bucket holds at the present rate waits, or is denied, until the rate has risen. */
  override get capacity(): number {
    return this.#most
  }

  /** @internal */
  override get most(): number {
    return this.#most
  }

  get currentRate(): number {
    // Another limiter of the same storage may have learnt meanwhile.
    this.#reports.refresh()
    return this.#reports.rate
  }

  reportSuccess(latency?: Duration): void {
    this.#reports.success(latency)
    this.#follow()
  }

  reportError(): void {
    this.#reports.error()
    this.#follow()
  }

  override take(key: string, cost: number, maxWait: Micros, terms?: Terms): Micros {
    const wait = super.take(key, cost, maxWait, terms)
    this.#reports.decided(wait >= 0)
    return wait
  }

  override giveBack(key: string, cost: number, terms?: Terms): void {
    super.giveBack(key, cost, terms)
    this.#reports.retract()
  }

  protected override observe(metrics: Meter | undefined, ledger: Ledger): void {
    super.observe(metrics, ledger)
    const series = this.meter?.series
    const rates = series?.gauge('aioflux_limiter_rate', {
      help: 'Calls per second that pass now, of adaptive limiters.',
    })
    if (rates === undefined) return
    const rate = rates.with({ limiter: this.name })
    series?.follow<AdaptiveLimiter>(rate, this, ({ currentRate }) => currentRate)
  }

  protected override change(_quota: QuotaChange): never {
    throw noRate()
  }

  /** Lets the bucket run at the rate of the law. Not while a call is being served, so only on reports. */
  #follow(): void {
    const { rate } = this.#reports
    if (rate === this.#set) return
    this.#set = rate
    this.waiting.changing(() => {
      const rule = this.ledger.rule.with({ rate })
      // What a higher rate adds to the bucket has to be earned: handing it out at once would be a burst of its own.
      this.ledger.reconfigure(rule, 'left')
    })
  }
}
