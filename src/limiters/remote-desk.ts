import type { OptionTable } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import { within } from '../core/deadline.ts'
import type { Decision } from '../core/decision.ts'
import { type Duration, type Micros, type Millis, toMillis } from '../core/duration.ts'
import { isAioFluxError } from '../core/errors.ts'
import type { Events } from '../core/events.ts'
import type { Counter, Meter } from '../core/meter.ts'
import { PartSeries } from '../core/part-series.ts'
import type { Move, RemoteLedger, Verdict } from '../core/storage.ts'
import type { LimiterEvents, LocalLimiter } from './limiter.ts'
import { degraded, Outage, type OutagePolicy } from './outage.ts'

export interface RemoteOptions {
  readonly name: string
  readonly clock?: Clock | undefined
  readonly policy: OutagePolicy
  readonly timeout?: Duration | undefined
  readonly metrics?: Meter | undefined
  /** Answers in an outage under the policy 'local'. */
  readonly standIn?: LocalLimiter | undefined
}

export const REMOTE_OPTIONS: OptionTable<RemoteOptions> = {
  name: true,
  clock: true,
  policy: true,
  timeout: true,
  metrics: true,
  standIn: true,
}

/** Asks a ledger that lies elsewhere, and answers for it while it cannot be asked. */
export class RemoteDesk {
  readonly ledger: RemoteLedger
  readonly policy: OutagePolicy
  readonly standIn: LocalLimiter | undefined
  readonly #timeout: Millis | undefined
  readonly #outage: Outage
  readonly #events: Events<LimiterEvents>
  /** What counts the failures of the storage. */
  readonly #failures: Counter | undefined
  #series: PartSeries | undefined

  constructor(
    ledger: RemoteLedger,
    options: RemoteOptions,
    clock: Clock,
    events: Events<LimiterEvents>,
  ) {
    const { policy, standIn, timeout } = options
    this.ledger = ledger
    this.policy = policy
    this.standIn = standIn
    this.#timeout = timeout === undefined ? undefined : toMillis('storageTimeout', timeout)
    this.#outage = new Outage(clock)
    this.#events = events
    this.#failures = options.metrics && this.#observe(options.metrics, options.name)
  }

  /** Counts no more. */
  close(): void {
    this.#series?.end()
  }

  get capacity(): number {
    return this.ledger.rule.capacity
  }

  /** Has the storage failed, and not answered since? */
  get down(): boolean {
    return this.#outage.failure !== undefined
  }

  /** Asks, unless the storage is being left alone; what it answers is put to `use`, what it does not to `without`. */
  ask<T>(
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
        if (outage.answered()) this.#events.emit('recovered', {})
        return use(verdict)
      },
      (error) => {
        // Only failures of the storage count. An error of the caller's is the caller's.
        if (!isAioFluxError(error, 'STORAGE_DOWN')) throw error
        outage.failed(error)
        this.#failures?.inc()
        this.#events.emit('storageError', { error })
        return without(error)
      },
    )
  }

  /** What the policy answers. */
  async withoutStorage(
    failure: Error | undefined,
    move: 'reserve' | 'peek',
    key: string,
    cost: number,
  ): Promise<Decision> {
    const { left } = this.#outage
    switch (this.policy) {
      case 'allow':
        return degraded(true, this.capacity, cost, left)
      case 'deny':
        return degraded(false, this.capacity, cost, left)
      case 'local': {
        const standIn = this.standIn as LocalLimiter
        const answer = move === 'peek' ? standIn.peek(key, cost) : standIn.consume(key, cost)
        return { ...(await answer), degraded: true }
      }
      case 'throw':
        throw failure
    }
  }

  /** @returns what counts the failures of the storage */
  #observe(metrics: Meter, limiter: string): Counter {
    const outages = metrics.gauge('aioflux_limiter_storage_down', {
      help: '1 while the storage cannot be asked and the outage policy answers.',
    })
    const series = new PartSeries(this)
    this.#series = series
    const outage = series.of(outages, { limiter })
    series.until(outage.follow<RemoteDesk>(this, ({ down }) => (down ? 1 : 0)))
    const failures = metrics.counter('aioflux_limiter_storage_errors_total', {
      help: 'Times the storage could not be asked.',
    })
    return series.of(failures, { limiter })
  }
}
