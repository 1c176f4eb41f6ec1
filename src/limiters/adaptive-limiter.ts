import { between, known, type OptionTable, positive } from '../core/check.ts'
import { type Duration, type Micros, toMillis } from '../core/duration.ts'
import { OptionRangeError } from '../core/errors.ts'
import type { Meter } from '../core/meter.ts'
import type { QuotaChange } from '../core/rule.ts'
import type { Ledger } from '../core/storage.ts'
import { tokenBucket } from '../rules/token-bucket.ts'
import { memoryLedger } from '../storage/memory-ledger.ts'
import { Aimd } from './aimd.ts'
import { LIMITER_OPTIONS, type LimiterOptions } from './limiter.ts'
import { RuleLimiter } from './rule-limiter.ts'
import type { Terms } from './terms.ts'

/** How an {@link AdaptiveLimiter} looks for the rate that the other side can stand. */
export interface AdaptiveOptions extends LimiterOptions {
  /** Calls per second to begin with. @default 100 */
  initialRate?: number
  /** The rate never falls below this, so that there is always a call to learn from. @default 10 */
  minRate?: number
  /** @default 1000 */
  maxRate?: number
  /** Calls per second added after a good window. @default 1 */
  increaseStep?: number
  /** What the rate is multiplied by after too many failures, between 0 and 1. @default 0.5 */
  decreaseFactor?: number
  /** The share of failures above which the rate falls. @default 0.1 */
  errorThreshold?: number
  /** How long outcomes are gathered before the rate may rise. @default 60 seconds */
  window?: Duration
  /** A success that took longer than this counts as a failure. @default none */
  targetLatency?: Duration
}

export const ADAPTIVE_OPTIONS: OptionTable<AdaptiveOptions> = {
  ...LIMITER_OPTIONS,
  initialRate: true,
  minRate: true,
  maxRate: true,
  increaseStep: true,
  decreaseFactor: true,
  errorThreshold: true,
  window: true,
  targetLatency: true,
}

/**
 * A token bucket whose rate follows how the other side is doing: down fast on failures, up slowly while all is well.
 *
 * Tell it how each call that it let through ended. Its own denials never count, and outcomes of calls it did not let
 * through are ignored. The rate is one for all keys, since it speaks of the other side and not of the callers; a
 * bucket holds one second's worth.
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
export class AdaptiveLimiter extends RuleLimiter {
  readonly #law: Aimd
  readonly #targetLatency: number
  /** The rate the bucket runs at. */
  #set: number

  constructor(options: AdaptiveOptions = {}) {
    known('AdaptiveLimiter', options, ADAPTIVE_OPTIONS)
    const {
      initialRate = 100,
      minRate = 10,
      maxRate = 1000,
      increaseStep = 1,
      decreaseFactor = 0.5,
      errorThreshold = 0.1,
      window = 60,
      targetLatency,
      ...common
    } = options
    positive('minRate', minRate)
    between('maxRate', maxRate, minRate, Number.MAX_VALUE)
    between('initialRate', initialRate, minRate, maxRate)
    positive('increaseStep', increaseStep)
    between('decreaseFactor', decreaseFactor, Number.MIN_VALUE, 1)
    between('errorThreshold', errorThreshold, 0, 1)
    const windowMillis = toMillis('window', window)
    if (windowMillis === 0) {
      throw new OptionRangeError('window', 'window must be > 0, got 0 (number)')
    }
    super(tokenBucket({ rate: initialRate }), { name: 'adaptive', ...common }, memoryLedger, false)
    this.#targetLatency =
      targetLatency === undefined ? Infinity : toMillis('targetLatency', targetLatency) / 1000
    this.#set = initialRate
    this.#law = new Aimd(
      {
        initialRate,
        minRate,
        maxRate,
        increaseStep,
        decreaseFactor,
        errorThreshold,
        window: windowMillis / 1000,
      },
      this.#now(),
    )
  }

  override get unheld(): string {
    return 'adaptive'
  }

  /** Calls per second that pass now. */
  get currentRate(): number {
    return this.#law.rate
  }

  /**
   * A call that was let through ended well.
   * @param latency how long it took; with `targetLatency`, too long is a failure
   */
  reportSuccess(latency?: Duration): void {
    const good = latency === undefined || toMillis('latency', latency) / 1000 <= this.#targetLatency
    this.#law.outcome(good, this.#now())
    this.#follow()
  }

  /** A call that was let through failed in a way that says the other side has too much to do. */
  reportError(): void {
    this.#law.outcome(false, this.#now())
    this.#follow()
  }

  override take(key: string, cost: number, maxWait: Micros, terms?: Terms): Micros {
    const wait = super.take(key, cost, maxWait, terms)
    if (wait >= 0) this.#law.admit(this.#now())
    else this.#law.turnAway(this.#now())
    return wait
  }

  override giveBack(key: string, cost: number, terms?: Terms): void {
    super.giveBack(key, cost, terms)
    this.#law.retract()
  }

  protected override observe(metrics: Meter | undefined, ledger: Ledger): void {
    super.observe(metrics, ledger)
    const rates = metrics?.gauge('aioflux_limiter_rate', {
      help: 'Calls per second that pass now, of adaptive limiters.',
    })
    const series = this.meter?.series
    if (rates === undefined || series === undefined) return
    const rate = series.of(rates, { limiter: this.name })
    series.until(rate.follow<AdaptiveLimiter>(this, ({ currentRate }) => currentRate))
  }

  protected override change(_quota: QuotaChange): never {
    throw new OptionRangeError(
      'quota',
      'an adaptive limiter sets its own rate: make one with other options',
    )
  }

  /** Lets the bucket run at the rate of the law. Not while somebody is being served, so only on reports. */
  #follow(): void {
    const rate = this.#law.rate
    if (rate === this.#set) return
    this.#set = rate
    this.waiting.changing(() => {
      const rule = this.ledger.rule.with({ rate })
      // What a higher rate adds to the bucket has to be earned: handing it out at once would be a burst of its own.
      this.ledger.reconfigure(rule, 'left')
    })
  }

  #now(): number {
    return this.clock.now() / 1000
  }
}
