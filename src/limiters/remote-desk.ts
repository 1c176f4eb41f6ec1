import type { Clock } from '../core/clock.ts'
import { within } from '../core/deadline.ts'
import type { Decision } from '../core/decision.ts'
import { type Duration, type Micros, type Millis, toMillis } from '../core/duration.ts'
import { isAioFluxError } from '../core/errors.ts'
import type { Events } from '../core/events.ts'
import type { Counter, Meter } from '../core/meter.ts'
import type { Move, RemoteLedger, Verdict } from '../core/storage.ts'
import type { LimiterEvents } from './limiter.ts'
import { degraded, Outage, type OutagePolicy } from './outage.ts'
import { aboutHold } from './reservations/keepers.ts'
import type { SyncLimiter } from './sync-limiter.ts'
import type { Classes, Terms } from './terms.ts'

export interface RemoteOptions {
  readonly name: string
  readonly clock?: Clock | undefined
  readonly policy: OutagePolicy
  readonly timeout?: Duration | undefined
  readonly metrics?: Meter | undefined
  readonly classes?: Classes | undefined
  readonly shadow?: boolean | undefined
  /** Answers in an outage under the policy 'local'. */
  readonly standIn?: SyncLimiter | undefined
}

/** Could a storage not be asked? */
export function storageIsDown(error: unknown): boolean {
  return isAioFluxError(error, 'STORAGE_DOWN')
}

/** Asks a ledger that lies elsewhere, and answers for it while it cannot be asked. */
export class RemoteDesk {
  readonly ledger: RemoteLedger
  readonly policy: OutagePolicy
  readonly standIn: SyncLimiter | undefined
  readonly #timeout: Millis | undefined
  readonly #outage: Outage
  readonly #events: Events<LimiterEvents>
  /** What counts the failures of the storage. */
  readonly #failures: Counter | undefined

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
    terms?: Terms,
  ): Promise<T> {
    const outage = this.#outage
    if (outage.left > 0) return Promise.resolve(without(outage.failure))
    outage.asking()
    // What is not counted takes nothing, and is denied only while the key is blocked.
    const unlimited = terms?.bound === 'unlimited'
    const hold = unlimited || move !== 'reserve' ? undefined : terms?.hold
    const asked = unlimited ? 'peek' : hold === undefined ? move : 'hold'
    const about = hold && aboutHold(hold)
    const answer = this.ledger.run(asked, key, cost, extra, terms?.rule, about)
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
    terms?: Terms,
  ): Promise<Decision> {
    const { left } = this.#outage
    const limit = terms?.rule?.capacity ?? this.capacity
    switch (this.policy) {
      case 'allow':
        return degraded(true, limit, cost, left)
      case 'deny':
        return degraded(false, limit, cost, left)
      case 'local': {
        const standIn = this.standIn as SyncLimiter
        const wait = standIn.look(key, cost, terms)
        const decision =
          move === 'peek'
            ? standIn.decision(key, cost, wait, terms)
            : standIn.consumeUnder(key, cost, terms)
        return { ...decision, degraded: true }
      }
      case 'throw':
        throw failure
    }
  }

  /** @returns what counts the failures of the storage */
  #observe(metrics: Meter, limiter: string): Counter {
    metrics
      .gauge('aioflux_limiter_storage_down', {
        help: '1 while the storage cannot be asked and the outage policy answers.',
      })
      .with({ limiter })
      .follow<RemoteDesk>(this, ({ down }) => (down ? 1 : 0))
    return metrics
      .counter('aioflux_limiter_storage_errors_total', {
        help: 'Times the storage could not be asked.',
      })
      .with({ limiter })
  }
}
