import { BackgroundTasks } from '../../core/background-tasks.ts'
import { known } from '../../core/check.ts'
import { systemClock } from '../../core/clock.ts'
import type { Decision } from '../../core/decision.ts'
import type { Micros, Millis } from '../../core/duration.ts'
import { StorageDownError } from '../../core/errors.ts'
import type { Policy } from '../../core/policy.ts'
import { RenewalTimer } from '../../core/renewal-timer.ts'
import type { QuotaChange } from '../../core/rule.ts'
import type { RemoteLedger, Watch } from '../../core/storage.ts'
import { checkCall } from '../calls/arguments.ts'
import { type CallOptions, costOf } from '../calls/call-options.ts'
import type { Terms } from '../calls/terms.ts'
import { TermsReader } from '../calls/terms-reader.ts'
import { decisionUnder } from '../decision-of.ts'
import type { KeyCounts, LimiterWaitOptions } from '../limiter.ts'
import { type Permit, permitOf } from '../permit.ts'
import { policyOf } from '../policy-of.ts'
import { NOTHING_HELD, type ReservationKeeper } from '../reservations/reservation.ts'
import { took } from '../took.ts'
import { HeldPermit } from './held-permit.ts'
import { LedgerClient, REMOTE_OPTIONS, type RemoteOptions } from './ledger-client.ts'
import { type PermitAnswers, PermitStore } from './permit-store.ts'
import { PollingLimiter } from './polling-limiter.ts'

/** Permits whose renewals are due within this share of a term are renewed together. */
const SLACK = 1 / 24

/**
 * A limit of calls at once over many processes, for each key. A permit is a lease: this process renews its permits three times
 * in each `ttl`. When the process dies, its permits come back when their leases end.
 *
 * Callers that wait are woken when any process gives a permit back. They also ask once a second, in case the message was
 * lost (every 50 ms where the storage cannot wake them). In this process: first come, first served. Across processes: the first to ask.
 */
export class RemoteConcurrency extends PollingLimiter {
  /** @internal */
  override readonly client: LedgerClient
  readonly #store: PermitStore
  /** The permits of this process, by key; the last taken is given back first. */
  readonly #held = new Map<string, HeldPermit[]>()
  readonly #renewals: RenewalTimer<HeldPermit>
  /** Requests for permits, and returns of permits, that have not ended. */
  readonly #tasks = new BackgroundTasks()
  /** How long a permit holds without a renewal. */
  readonly #term: Millis
  readonly #terms: TermsReader

  constructor(ledger: RemoteLedger, options: RemoteOptions) {
    known('RemoteConcurrency', options, REMOTE_OPTIONS)
    super(options.name, options.clock ?? systemClock, options.shadow)
    this.#terms = new TermsReader(options.name, ledger.rule, options.classes)
    this.client = new LedgerClient(ledger, options, this.clock, this.events)
    this.#store = new PermitStore(this.client)
    this.observe(options.metrics)
    this.#term = ledger.rule.span / 1000
    this.#renewals = new RenewalTimer(this.clock, this.#term * SLACK)
  }

  get capacity(): number {
    return this.most ?? this.client.capacity
  }

  /** The ledger of the permits. A permit that is taken there must be renewed, and given back by its number. */
  get permits(): RemoteLedger {
    return this.client.ledger
  }

  get policies(): readonly Policy[] {
    return [policyOf(this.name, this.client.ledger.rule)]
  }

  /** Waits for permits: in this process first come, first served. */
  permit(key = '', options: LimiterWaitOptions = {}): Promise<Permit> {
    return this.wait(key, options).then((decision) => this.issue(key, costOf(options), decision))
  }

  /** Permits if they are free now; otherwise `undefined`. */
  async tryPermit(key = '', call: number | CallOptions = 1): Promise<Permit | undefined> {
    const decision = await this.consume(key, call)
    return decision.allowed ? this.issue(key, costOf(call), decision) : undefined
  }

  get unheld(): string {
    // The rule in the storage is called `permits`; users know it as `concurrency`.
    return 'concurrency'
  }

  /** @internal There are no reservations of permits. */
  keeperOf(): ReservationKeeper {
    return NOTHING_HELD
  }

  termsOf(call: CallOptions): Terms | undefined {
    return this.#terms.read(this.client.ledger.rule, call)
  }

  /** @internal */
  fits(cost: number, ahead: boolean, terms: Terms | undefined): boolean {
    return this.fitsIn(this.permits.rule, cost, ahead, terms)
  }

  knows(name: string): boolean {
    return this.#terms.knows(name)
  }

  override async close(): Promise<void> {
    await super.close()
    this.client.close()
    for (const held of [...this.#held.values()].flat()) void this.#return(held)
    this.#held.clear()
    // Returns must arrive, or other calls wait until the leases end. Permits that are granted after the close are returned too.
    await this.#tasks.done()
    for (const held of [...this.#renewals]) this.#renewals.delete(held)
  }

  protected decide(
    move: 'reserve' | 'peek',
    key: string,
    cost: number,
    terms?: Terms,
  ): Promise<Decision> {
    const sent = this.clock.now()
    const permit = new HeldPermit(key, cost, this.#term, sent, this.#tend)
    const answers: PermitAnswers<Decision> = {
      use: (verdict) => {
        const decision = decisionUnder(terms, verdict, this.client.capacity, cost)
        if (move === 'peek' || verdict.wait < 0) return decision
        if (this.closing.signal.aborted) {
          void this.#return(permit)
          throw this.closing.signal.reason
        }
        if (this.clock.now() - sent < this.#term) {
          this.#hold(permit)
          return decision
        }
        void this.#return(permit)
        return this.client.withoutStorage(this.client.failed(tooLate()), move, key, cost, terms)
      },
      without: (failure, asked) => {
        // The storage may have granted it without answering.
        if (asked && move === 'reserve') void this.#return(permit)
        return this.client.withoutStorage(failure, move, key, cost, terms)
      },
    }
    if (move === 'peek') return this.#store.peek(permit, answers, terms)
    const answer = this.#store.acquire(permit, answers, terms)
    this.#tasks.add(answer)
    return answer
  }

  protected async undo(key: string, cost: number): Promise<void> {
    await this.giveBack(key, cost).catch(() => {})
  }

  protected async giveBack(key: string, cost: number): Promise<void> {
    const rest = this.client.giveBackAtHome(key, cost)
    const held = this.#held.get(key)
    // All permits were given back before.
    if (held === undefined) return
    const returns: Promise<boolean>[] = []
    for (let left = rest; left > 0 && held.length > 0; ) {
      const last = held[held.length - 1] as HeldPermit
      const tokens = Math.min(left, last.tokens)
      left -= tokens
      if (tokens === last.tokens) {
        held.pop()
        returns.push(this.#return(last))
      } else {
        last.tokens -= tokens
        returns.push(this.#store.release(last, tokens))
      }
    }
    if (held.length === 0) this.#held.delete(key)
    const { leftAlone, policy } = this.client
    // With 'local' no call fails in an outage. The return is sent again until it arrives or the lease ends.
    if (leftAlone && policy === 'local') return
    // The return was sent. In an outage the answer is not awaited, because each call would cost a timeout.
    if (leftAlone) throw leftAlone
    const told = await Promise.all(returns)
    if (policy !== 'local' && !told.every((one) => one)) throw this.client.leftAlone ?? unanswered()
  }

  protected override watch(key: string, freed: () => void): Watch | undefined {
    return this.client.ledger.watch?.(key, freed)
  }

  /** @internal */
  override get lends(): boolean {
    return true
  }

  override leave(key: string, cost: number, decision?: Decision): void {
    checkCall(key, cost, Number.MAX_VALUE)
    if (decision !== undefined && !took(decision, cost)) return
    this.#tasks.add(this.giveBack(key, cost))
  }

  protected async forget(key: string): Promise<void> {
    for (const held of this.#held.get(key) ?? []) this.#renewals.delete(held)
    this.#held.delete(key)
    await this.client.forget(key)
  }

  protected async hold(key: string, duration: Micros, replace: boolean): Promise<void> {
    await this.client.tell('block', key, replace ? 2 : 1, duration)
  }

  protected async change(quota: QuotaChange): Promise<void> {
    await this.client.reconfigure(quota)
  }

  protected async counts(): Promise<KeyCounts> {
    return { keys: this.#held.size, evicted: 0, crowded: 0 }
  }

  /**
   * @param decision the decision on the permit; in an outage, and of a shadow, it may have taken nothing
   * @param ended called when the permit is given back
   */
  protected issue(key: string, tokens: number, decision?: Decision, ended?: () => void): Permit {
    return permitOf(key, tokens, () => {
      ended?.()
      this.leave(key, tokens, decision)
    })
  }

  #hold(permit: HeldPermit): void {
    const held = this.#held.get(permit.key)
    if (held === undefined) this.#held.set(permit.key, [permit])
    else held.push(permit)
    this.#renewals.add(permit)
  }

  /** Gives a permit back. @returns false when the storage has not answered; then the return is repeated until the lease ends */
  #return(permit: HeldPermit): Promise<boolean> {
    permit.returned = true
    this.#renewals.delete(permit)
    const sent = this.clock.now()
    permit.renewal.sending(sent)
    const answer = this.#store.release(permit, permit.tokens).then((told) => {
      if (!told && !this.closing.signal.aborted) this.#renewals.add(permit)
      return told
    })
    this.#tasks.add(answer)
    return answer
  }

  readonly #tend = (permit: HeldPermit, now: Millis): void => {
    const { renewal, returned } = permit
    if (returned) {
      if (now < renewal.end) void this.#return(permit)
      else this.#renewals.delete(permit)
      return
    }
    renewal.sending(now)
    void this.#store.renew(permit).then((granted) => {
      if (!granted) return
      renewal.answered(now)
      if (!permit.returned) this.#renewals.hurry(renewal.due)
    })
  }
}

function tooLate(): StorageDownError {
  return new StorageDownError('the storage took longer to answer than the permit would last')
}

function unanswered(): StorageDownError {
  return new StorageDownError(
    'the storage did not say whether the permit is back; it comes back when its lease ends',
  )
}
