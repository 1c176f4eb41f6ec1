import { flag, having, type OptionTable, text } from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import { within } from '../../core/deadline.ts'
import type { Decision } from '../../core/decision.ts'
import { type Duration, type Micros, type Millis, toMillis } from '../../core/duration.ts'
import { describe, isAioFluxError, StorageDownError } from '../../core/errors.ts'
import type { Events } from '../../core/events.ts'
import { type Counter, checkMeter, type Meter } from '../../core/meter.ts'
import { PartSeries } from '../../core/part-series.ts'
import type { QuotaChange, Rule } from '../../core/rule.ts'
import type { AboutHold, Move, RemoteLedger, Verdict } from '../../core/storage.ts'
import { type Terms, withHold } from '../calls/terms.ts'
import type { Classes } from '../calls/terms-reader.ts'
import type { LimiterEvents } from '../limiter.ts'
import type { SyncLimiter } from '../local/sync-limiter.ts'
import { aboutHold } from '../reservations/keepers.ts'
import { checkPolicy, degraded, Outage, type OutagePolicy } from './outage.ts'

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

/** True for the error of a storage that cannot be reached. */
export function storageIsDown(error: unknown): boolean {
  return isAioFluxError(error, 'STORAGE_DOWN')
}

export const REMOTE_OPTIONS: OptionTable<RemoteOptions> = {
  name: true,
  clock: true,
  policy: true,
  timeout: true,
  metrics: true,
  classes: true,
  shadow: true,
  standIn: true,
}

/** Asks a ledger outside this process, and answers by the outage policy while it cannot be reached. */
export class LedgerClient {
  readonly ledger: RemoteLedger
  readonly policy: OutagePolicy
  readonly standIn: SyncLimiter | undefined
  readonly #timeout: Millis | undefined
  readonly #outage: Outage
  readonly #events: Events<LimiterEvents>
  /** Counts the failures of the storage. */
  readonly #failures: Counter | undefined
  #series: PartSeries | undefined

  constructor(
    ledger: RemoteLedger,
    options: RemoteOptions,
    clock: Clock,
    events: Events<LimiterEvents>,
  ) {
    const { policy, standIn, timeout } = options
    text('name', options.name)
    having('clock', options.clock, 'now')
    checkPolicy('policy', policy)
    checkMeter(options.metrics)
    if (options.shadow !== undefined) flag('shadow', options.shadow)
    having('standIn', standIn, 'consume')
    this.ledger = ledger
    this.policy = policy
    this.standIn = standIn
    this.#timeout = timeout === undefined ? undefined : toMillis('storageTimeout', timeout)
    this.#outage = new Outage(clock)
    this.#events = events
    this.#failures = options.metrics && this.#observe(options.metrics, options.name)
  }

  /** Ends the metrics. */
  close(): void {
    this.#series?.end()
  }

  get capacity(): number {
    return this.ledger.rule.capacity
  }

  /** True when the storage has failed, and has not answered since. */
  get down(): boolean {
    return this.#outage.failure !== undefined
  }

  /** The failure for which no request is sent now; `undefined` when the storage may be asked. */
  get leftAlone(): Error | undefined {
    return this.#outage.left > 0 ? this.#outage.failure : undefined
  }

  /**
   * Asks, unless the storage is down. Calls `use` with the answer, or `without` when there is no answer.
   *
   * @param without its `sent` is true when the request was sent, so that the storage may have acted without answering
   */
  ask<T>(
    move: Move,
    key: string,
    cost: number,
    extra: Micros,
    use: (verdict: Verdict) => T | Promise<T>,
    without: (failure: Error | undefined, sent: boolean) => T | Promise<T>,
    terms?: Terms,
  ): Promise<T> {
    const outage = this.#outage
    if (outage.left > 0) return Promise.resolve(without(outage.failure, false))
    outage.asking()
    // A call with an unlimited quota takes nothing, and is denied only while the key is blocked.
    const unlimited = terms?.bound === 'unlimited'
    const hold = unlimited || move !== 'reserve' ? undefined : terms?.hold
    const asked = unlimited ? 'peek' : hold === undefined ? move : 'hold'
    return this.#send(asked, key, cost, extra, terms?.rule, hold && aboutHold(hold)).then(
      (verdict) => {
        if (!isVerdict(verdict)) return without(this.failed(malformed(verdict)), true)
        this.answered()
        return use(verdict)
      },
      (error) => without(this.#failure(error), true),
    )
  }

  /**
   * Sends a request that no outage policy can answer, such as a reset.
   *
   * @returns true when the storage has granted it
   * @throws StorageDownError (rejects): at once in an outage, otherwise within `storageTimeout`
   */
  tell(
    move: Move,
    key: string,
    cost: number,
    extra: Micros,
    rule?: Rule,
    about?: AboutHold,
  ): Promise<boolean> {
    const outage = this.#outage
    if (outage.left > 0) return Promise.reject(outage.failure)
    outage.asking()
    return this.#send(move, key, cost, extra, rule, about).then(
      ({ wait }) => {
        this.answered()
        return wait >= 0
      },
      (error) => {
        throw this.#failure(error)
      },
    )
  }

  /**
   * Gives back to the stand-in the tokens that it granted in an outage and still counts.
   *
   * @returns the rest of `cost`, which the storage granted
   */
  giveBackAtHome(key: string, cost: number, terms?: Terms): number {
    const { standIn } = this
    if (standIn === undefined) return cost
    const own = this.standInTerms(terms)
    const one = Math.min(1, own === undefined ? standIn.capacity : standIn.capacityUnder(own))
    const { limit, remaining } = standIn.decision(key, one, standIn.look(key, one, own), own)
    const granted = Math.min(cost, limit - remaining)
    if (granted <= 0) return cost
    standIn.giveBack(key, granted, own)
    standIn.waiting.wake(key)
    return cost - granted
  }

  /** Resets `key`, in the storage and at the stand-in. @throws as {@link tell} */
  async forget(key: string): Promise<void> {
    await this.tell('reset', key, 1, 0)
    await this.standIn?.reset(key)
  }

  /** Changes the numbers of the limit, in the ledger and at the stand-in. */
  async reconfigure(quota: QuotaChange): Promise<void> {
    this.ledger.reconfigure(this.ledger.rule.with(quota))
    await this.standIn?.reconfigure(quota)
  }

  /**
   * Sends a request that no caller awaits and that cannot be delayed, such as the renewal of a permit: in an outage too. An answer ends
   * the outage.
   *
   * @returns true when the storage has granted it
   */
  insist(move: Move, key: string, cost: number, extra: Micros): Promise<boolean> {
    return this.#send(move, key, cost, extra).then(
      (verdict) => {
        if (!isVerdict(verdict)) return false
        this.answered()
        return verdict.wait >= 0
      },
      (error) => {
        // In an outage, only the probes of calls decide how long the pause is.
        if (!this.down && isAioFluxError(error, 'STORAGE_DOWN')) this.failed(error)
        return false
      },
    )
  }

  /** The longest time for an answer of the storage, when the limiter sets it. */
  get timeout(): Millis | undefined {
    return this.#timeout
  }

  /** A request is sent. */
  asking(): void {
    this.#outage.asking()
  }

  /** The storage has answered. */
  answered(): void {
    if (this.#outage.answered()) this.#events.emit('recovered', {})
  }

  /** A request has ended without telling whether the storage works. */
  unanswered(): void {
    this.#outage.unanswered()
  }

  /** Another limiter has met an outage of the same storage: sends no request for as long as that one. */
  follow(other: LedgerClient): void {
    const failure = this.#outage.follow(other.#outage)
    if (failure !== undefined) this.#toldOf(failure)
  }

  /** A request has failed. */
  failed(error: Error): Error {
    this.#outage.failed(error)
    this.#toldOf(error)
    return error
  }

  /** The answer of the outage policy. */
  async withoutStorage(
    failure: Error | undefined,
    move: 'reserve' | 'peek',
    key: string,
    cost: number,
    terms?: Terms,
  ): Promise<Decision> {
    const { left } = this.#outage
    const unlimited = terms?.bound === 'unlimited'
    const limit = unlimited ? Infinity : (terms?.rule?.capacity ?? this.capacity)
    switch (this.policy) {
      case 'allow':
        return degraded(true, limit, cost, left)
      case 'deny':
        return degraded(false, limit, cost, left)
      case 'local': {
        const standIn = this.standIn as SyncLimiter
        const own = this.standInTerms(terms)
        const decision =
          move === 'peek'
            ? standIn.decision(key, cost, standIn.look(key, cost, own), own)
            : standIn.consumeUnder(key, cost, own)
        return { ...decision, degraded: true }
      }
      case 'throw':
        throw failure
    }
  }

  #toldOf(error: Error): void {
    this.#failures?.inc()
    this.#events.emit('storageError', { error })
  }

  /** The terms of a call for the stand-in, whose rule may be of another kind. */
  standInTerms(terms: Terms | undefined): Terms | undefined {
    if (terms === undefined) return undefined
    const own = this.standIn?.termsOf(terms.brought)
    return terms.hold === undefined ? own : withHold(own, terms.hold)
  }

  /** Notes a failure of the storage. @throws any other error, which the caller must get */
  #failure(error: unknown): Error {
    if (isAioFluxError(error, 'STORAGE_DOWN')) return this.failed(error)
    this.unanswered()
    throw error
  }

  /** Asks the storage, within `storageTimeout`. Rejects, and does not throw. */
  #send(
    move: Move,
    key: string,
    cost: number,
    extra: Micros,
    rule?: Rule,
    about?: AboutHold,
  ): Promise<Verdict> {
    try {
      const answer = this.ledger.run(move, key, cost, extra, rule, about)
      if (this.#timeout === undefined) return answer
      return within(this.#timeout, answer, () => this.ledger.storage.trouble)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** @returns the counter of failures of the storage */
  #observe(metrics: Meter, limiter: string): Counter {
    const series = new PartSeries(metrics, this)
    this.#series = series
    const outages = series.gauge('aioflux_limiter_storage_down', {
      help: '1 while the storage cannot be asked and the outage policy answers.',
    })
    series.follow<LedgerClient>(outages.with({ limiter }), this, ({ down }) => (down ? 1 : 0))
    const failures = series.counter('aioflux_limiter_storage_errors_total', {
      help: 'Times the storage could not be asked.',
    })
    return failures.with({ limiter })
  }
}

/** True for a well-formed answer. */
export function isVerdict(verdict: Verdict): boolean {
  const { wait, remaining, idleAfter } = Object(verdict) as Partial<Verdict>
  return isNumber(wait) && isNumber(remaining) && isNumber(idleAfter)
}

/** Infinity is a valid time, NaN is not. */
function isNumber(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(value)
}

/** An answer that cannot be read counts as no answer. */
export function malformed(answer: unknown): StorageDownError {
  return new StorageDownError(
    `the storage gave an answer that is not a verdict: ${describe(answer)}`,
  )
}
