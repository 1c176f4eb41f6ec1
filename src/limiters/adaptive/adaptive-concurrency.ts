import { known } from '../../core/check.ts'
import type { Decision } from '../../core/decision.ts'
import type { Duration, Micros } from '../../core/duration.ts'
import { OptionRangeError } from '../../core/errors.ts'
import type { Terms } from '../calls/terms.ts'
import { ConcurrencyLimiter } from '../local/concurrency-limiter.ts'
import type { Permit } from '../permit.ts'
import type { Work } from '../scheduled.ts'
import {
  ADAPTIVE_CONCURRENCY_OPTIONS,
  type AdaptiveConcurrencyOptions,
  type AdaptivePermits,
  readAdaptiveConcurrency,
} from './adaptive-concurrency-options.ts'
import { LatencyReports } from './latency-reports.ts'
import { LocalLearner } from './learner.ts'

/**
 * A limit of calls at once that follows the other side: it rises while calls are as fast as without a queue, and falls as they
 * become slower. Each key has its own permits. All keys share one limit, because it describes the other side.
 *
 * The law is a gradient on latency, after Netflix's concurrency-limits. `schedule` and permits measure by themselves; with
 * `acquire` and `release`, call {@link reportSuccess} and {@link reportError}.
 *
 * @example
 * const database = LimiterFactory.adaptiveConcurrency({ minLimit: 4, maxLimit: 200 })
 * const rows = await database.schedule('', () => query(sql))
 */
export class AdaptiveConcurrency extends ConcurrencyLimiter implements AdaptivePermits {
  readonly #reports: LatencyReports
  readonly #most: number

  constructor(options: AdaptiveConcurrencyOptions = {}) {
    known('AdaptiveConcurrency', options, ADAPTIVE_CONCURRENCY_OPTIONS)
    const read = readAdaptiveConcurrency(options)
    super({ limit: read.limit, name: 'adaptive-concurrency', ...read.common })
    const learner = new LocalLearner(read.law, this.clock, this.ledger, (limit) =>
      this.#learn(limit),
    )
    this.#most = read.most
    this.#reports = new LatencyReports(read, this.clock, learner)
  }

  get currentLimit(): number {
    return this.ledger.rule.capacity
  }

  /** The largest limit: a cost above the present one, or above the share of its class, waits or is denied until the limit has risen. */
  override get capacity(): number {
    return this.#most
  }

  /** @internal */
  override get most(): number {
    return this.#most
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

  override take(key: string, cost: number, maxWait: Micros, terms?: Terms): Micros {
    const wait = super.take(key, cost, maxWait, terms)
    const { capacity } = terms?.rule ?? this.ledger.rule
    // A denied call shows that the whole limit is in use.
    this.#reports.busy(wait < 0 ? capacity : capacity - this.ledger.judged.remaining())
    return wait
  }

  protected override change(): never {
    throw noLimit()
  }

  protected override issue(key: string, tokens: number, decision?: Decision): Permit {
    return super.issue(key, tokens, decision, this.#reports.begin())
  }

  #learn(limit: number): void {
    const next = Math.floor(limit)
    if (next === this.currentLimit) return
    this.waiting.changing(() => this.ledger.reconfigure(this.ledger.rule.with({ limit: next })))
    if (this.events.heard) this.events.emit('reconfigured', { limit: next })
  }
}

export function noLimit(): OptionRangeError {
  return new OptionRangeError(
    'quota',
    'quota cannot be changed: an adaptive limiter finds its own limit. Make another one, with other options',
  )
}
