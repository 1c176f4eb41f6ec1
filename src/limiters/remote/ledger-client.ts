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

/** True for the error of a storage that could not be asked. */
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

/** Asks a ledger that lies elsewhere, and answers for it while it cannot be asked. */
export class LedgerClient {
  readonly ledger: RemoteLedger
  readonly policy: OutagePolicy
  readonly standIn: SyncLimiter | undefined
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

  /** Counts no more. */
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

  /** Why the storage is left alone at this moment; `undefined` where it can be asked. */
  get leftAlone(): Error | undefined {
    return this.#outage.left > 0 ? this.#outage.failure : undefined
  }

  /**
   * Asks, unless the storage is being left alone; what it answers is put to `use`, what it does not to `without`.
   *
   * @param without `sent` is true where the storage was asked, so that it may have done what it did not answer
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
    // What is not counted takes nothing, and is denied only while the key is blocked.
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
   * Makes a move that no policy can answer for, such as a reset.
   *
   * @returns true when the storage has answered yes
   * @throws StorageDownError (rejects): at once while the storage is left alone, and otherwise within `storageTimeout`
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
   * Gives back to the stand-in what it has granted in an outage and still counts.
   *
   * @returns how much of `cost` is then left: what the storage granted
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

  /** Forgets what `key` has used, in the storage and at the stand-in. @throws as {@link tell} */
  async forget(key: string): Promise<void> {
    await this.tell('reset', key, 1, 0)
    await this.standIn?.reset(key)
  }

  /** Changes the numbers, for the stand-in too. */
  async reconfigure(quota: QuotaChange): Promise<void> {
    this.ledger.reconfigure(this.ledger.rule.with(quota))
    await this.standIn?.reconfigure(quota)
  }

  /**
   * Makes a move that no caller awaits and that cannot be put off, such as the renewal of a permit: also while the storage is
   * left alone. An answer ends an outage all the same.
   *
   * @returns true when the storage has answered yes
   */
  insist(move: Move, key: string, cost: number, extra: Micros): Promise<boolean> {
    return this.#send(move, key, cost, extra).then(
      (verdict) => {
        if (!isVerdict(verdict)) return false
        this.answered()
        return verdict.wait >= 0
      },
      (error) => {
        // While an outage is known, only calls through the gate decide how long the pause is.
        if (!this.down && isAioFluxError(error, 'STORAGE_DOWN')) this.failed(error)
        return false
      },
    )
  }

  /** The longest that the storage may take to answer, where the limiter says so. */
  get timeout(): Millis | undefined {
    return this.#timeout
  }

  /** The storage is being asked. */
  asking(): void {
    this.#outage.asking()
  }

  /** The storage has answered. */
  answered(): void {
    if (this.#outage.answered()) this.#events.emit('recovered', {})
  }

  /** The storage was asked, and what came back says nothing about it. */
  unanswered(): void {
    this.#outage.unanswered()
  }

  /** Another limiter has met an outage of the same storage: leaves it alone for as long as that one does. */
  follow(other: LedgerClient): void {
    const failure = this.#outage.follow(other.#outage)
    if (failure !== undefined) this.#toldOf(failure)
  }

  /** The storage was asked, and failed. */
  failed(error: Error): Error {
    this.#outage.failed(error)
    this.#toldOf(error)
    return error
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

  /** What a call brings, as the stand-in reads it: its rule may be of another kind. */
  standInTerms(terms: Terms | undefined): Terms | undefined {
    if (terms === undefined) return undefined
    const own = this.standIn?.termsOf(terms.brought)
    return terms.hold === undefined ? own : withHold(own, terms.hold)
  }

  /** Takes note of a failure of the storage. @throws any other error: an error of the caller's is the caller's */
  #failure(error: unknown): Error {
    if (isAioFluxError(error, 'STORAGE_DOWN')) return this.failed(error)
    this.unanswered()
    throw error
  }

  /** Asks the storage, within `storageTimeout`. Does not throw at once. */
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

  /** @returns what counts the failures of the storage */
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

/** True for an answer that a storage may give. */
export function isVerdict(verdict: Verdict): boolean {
  const { wait, remaining, idleAfter } = Object(verdict) as Partial<Verdict>
  return isNumber(wait) && isNumber(remaining) && isNumber(idleAfter)
}

/** Infinity is a time, NaN is none. */
function isNumber(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(value)
}

/** An answer that cannot be read is as good as none. */
export function malformed(answer: unknown): StorageDownError {
  return new StorageDownError(
    `the storage gave an answer that is not a verdict: ${describe(answer)}`,
  )
}
