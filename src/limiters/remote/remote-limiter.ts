import { at, systemClock } from '../../core/clock.ts'
import type { Decision } from '../../core/decision.ts'
import type { Micros, Millis } from '../../core/duration.ts'
import type { Policy } from '../../core/policy.ts'
import type { QuotaChange } from '../../core/rule.ts'
import type { RemoteLedger, Verdict } from '../../core/storage.ts'
import { checkCall } from '../calls/arguments.ts'
import type { CallOptions } from '../calls/call-options.ts'
import type { Terms } from '../calls/terms.ts'
import { TermsReader } from '../calls/terms-reader.ts'
import { CLOSED, decisionOf, decisionUnder, seconds } from '../decision-of.ts'
import { late } from '../late.ts'
import type { KeyCounts } from '../limiter.ts'
import type { SyncLimiter } from '../local/sync-limiter.ts'
import { policyOf } from '../policy-of.ts'
import { aboutHold, aboutSettling, endingAs } from '../reservations/keepers.ts'
import { NOTHING_HELD, type ReservationKeeper } from '../reservations/reservation.ts'
import { AsyncLimiter, LONGEST_PAUSE, type Waits } from './async-limiter.ts'
import { LedgerClient, type RemoteOptions, storageIsDown } from './ledger-client.ts'

// The two answers are made once: awaiting a settled promise is the cheapest `await`.
const YES: Promise<boolean> = Promise.resolve(true)
const NO: Promise<boolean> = Promise.resolve(false)

/** With a little patience a leaky bucket makes calls wait for their turn; without any it lets them into the bucket at once. */
const LITTLE: Micros = 1

/** A limiter of one rule over a storage outside this process. */
export class RemoteLimiter extends AsyncLimiter {
  /** @internal */
  override readonly client: LedgerClient
  readonly #terms: TermsReader
  /** The checks whether calls that wait for their time still fit, for a change of the limit. */
  readonly #asleep = new Set<() => void>()

  /** @param quotas true when a call may bring a quota */
  constructor(ledger: RemoteLedger, options: RemoteOptions, quotas = true) {
    super(options.name, options.clock ?? systemClock, options.shadow)
    this.#terms = new TermsReader(options.name, ledger.rule, options.classes, quotas)
    this.client = new LedgerClient(ledger, options, this.clock, this.events)
    this.observe(options.metrics)
  }

  override get ledger(): RemoteLedger {
    return this.client.ledger
  }

  get capacity(): number {
    return this.most ?? this.client.capacity
  }

  get policies(): readonly Policy[] {
    return [policyOf(this.name, this.ledger.rule)]
  }

  termsOf(call: CallOptions): Terms | undefined {
    return this.#terms.read(this.ledger.rule, call)
  }

  /** @internal */
  fits(cost: number, ahead: boolean, terms: Terms | undefined): boolean {
    return this.fitsIn(this.ledger.rule, cost, ahead, terms)
  }

  override get quotable(): boolean {
    return this.#terms.takesQuotas(this.ledger.rule)
  }

  knows(name: string): boolean {
    return this.#terms.knows(name)
  }

  get unheld(): string | undefined {
    const { rule } = this.ledger
    return rule.holds === undefined ? rule.kind : undefined
  }

  /** @internal */
  keeperOf(key: string, cost: number, terms: Terms, decision: Decision): ReservationKeeper {
    const { bound, rule, hold } = terms
    if (decision.uncounted || bound !== 'counted' || hold === undefined) return NOTHING_HELD
    if (decision.degraded) return this.#keptAtHome(key, cost, terms, decision)
    const { client } = this
    return {
      settle: async (actual, again) => {
        await client.tell('settle', key, cost, 0, rule, aboutSettling(hold, actual, again))
      },
      extend: (ttl) => client.tell('extend', key, cost, 0, rule, aboutHold(endingAs(hold, ttl))),
      excuses: storageIsDown,
    }
  }

  /** Keeps a reservation that the stand-in has granted in an outage. */
  #keptAtHome(key: string, cost: number, terms: Terms, decision: Decision): ReservationKeeper {
    const standIn = this.client.standIn as SyncLimiter
    return standIn.keeperOf(key, cost, this.client.standInTerms(terms) as Terms, decision)
  }

  // The two verbs of the hot path, with no more promises than they need.

  override acquire(key = '', call: number | CallOptions = 1): Promise<boolean> {
    if (typeof call !== 'number' || this.shadow !== undefined) return super.acquire(key, call)
    let verdict: Verdict | undefined
    try {
      verdict = this.#atOnce(key, call)
    } catch (error) {
      return Promise.reject(error)
    }
    if (verdict !== undefined) return this.#grants(key, call, verdict) ? YES : NO
    return this.client.ask(
      'reserve',
      key,
      call,
      0,
      (given) => this.#grants(key, call, given),
      (failure) => this.#answerFor(failure, key, call).then((decision) => decision.allowed),
    )
  }

  override consume(key = '', call: number | CallOptions = 1): Promise<Decision> {
    if (typeof call !== 'number' || this.shadow !== undefined) return super.consume(key, call)
    let verdict: Verdict | undefined
    try {
      verdict = this.#atOnce(key, call)
    } catch (error) {
      return Promise.reject(error)
    }
    if (verdict !== undefined) return Promise.resolve(this.#decided(key, call, verdict))
    return this.client.ask(
      'reserve',
      key,
      call,
      0,
      (given) => this.#decided(key, call, given),
      (failure) => this.#answerFor(failure, key, call),
    )
  }

  override async close(): Promise<void> {
    await super.close()
    this.client.close()
  }

  protected override take(key: string, cost: number, terms?: Terms): Promise<Decision> {
    // Also in an outage this process may spend the tokens that it has borrowed.
    const verdict = terms === undefined ? this.ledger.spend?.(key, cost) : undefined
    return verdict === undefined
      ? super.take(key, cost, terms)
      : Promise.resolve(decisionOf(verdict, this.client.capacity, cost))
  }

  protected decide(
    move: 'reserve' | 'peek',
    key: string,
    cost: number,
    terms?: Terms,
  ): Promise<Decision> {
    if (terms?.bound === 'closed') return Promise.resolve(decisionOf(CLOSED, 0, cost))
    return this.client.ask(
      move,
      key,
      cost,
      0,
      (verdict) => decisionUnder(terms, verdict, this.client.capacity, cost),
      (failure) => this.client.withoutStorage(failure, move, key, cost, terms),
      terms,
    )
  }

  /** Reserves a place in the storage, and acts when its time has come: in order of arrival over all processes. */
  protected async serve(
    key: string,
    cost: number,
    { deadline, signal, aside }: Waits,
    terms?: Terms,
  ): Promise<Decision> {
    // A class with a share below 1 reserves nothing ahead: its reservation would take room from larger classes.
    const ahead = terms === undefined || terms.share === 1
    for (;;) {
      const own = this.anew(key, terms)
      // The limit may be too small for the call now. Without this check the call would pass in an empty window.
      this.fits(cost, ahead, own)
      const asked = this.clock.now()
      const longest = Math.floor(Math.max(0, deadline - asked) * 1000)
      const patience = ahead ? longest : Math.min(longest, LITTLE)
      const answer = this.client.ask<Verdict | { failure: Error | undefined }>(
        'reserve',
        key,
        cost,
        patience,
        (given) => given,
        (failure) => ({ failure }),
        own,
      )
      const verdict = await this.inTime(key, answer, { deadline, signal }, (late) => {
        if ('wait' in late && late.wait >= 0) return this.#undo(late.wait, asked, key, cost, own)
      })
      if ('failure' in verdict) {
        const { failure } = verdict
        if (this.client.policy === 'local')
          return this.#waitAtHome(key, cost, deadline, signal, own)
        const decision = await this.client.withoutStorage(failure, 'reserve', key, cost, own)
        if (decision.allowed) return decision
        await this.#passUnlessLate(key, decision.retryAfter * 1e6, deadline, signal)
      } else if (verdict.wait >= 0) {
        await this.#actIn(verdict.wait, asked, key, cost, signal, own)
        return decisionUnder(own, { ...verdict, wait: 0 }, this.client.capacity, cost)
      } else {
        if (!this.fits(cost, ahead, own)) aside?.()
        // Only a block denies a call with enough patience. The block ends by itself, or by another call.
        await this.#passUnlessLate(key, -verdict.wait, deadline, signal)
      }
    }
  }

  protected async giveBack(key: string, cost: number, terms?: Terms): Promise<void> {
    // A call that was not counted took nothing, so nothing is given back.
    if (terms !== undefined && terms.bound !== 'counted') return
    const rest = this.client.giveBackAtHome(key, cost, terms)
    if (rest === 0) return
    try {
      // The storage gives back at most what was used. Not capped by the capacity: the quota of the call may be larger.
      const most = Math.min(rest, Number.MAX_SAFE_INTEGER)
      await this.client.tell('refund', key, most, 0, terms?.rule)
    } catch (error) {
      // With 'local' no call fails in an outage. Tokens that the storage granted come back there with time.
      if (this.client.policy !== 'local' || !storageIsDown(error)) throw error
    }
  }

  protected async forget(key: string): Promise<void> {
    await this.client.forget(key)
  }

  protected async hold(key: string, duration: Micros, replace: boolean): Promise<void> {
    await this.client.tell('block', key, replace ? 2 : 1, duration)
  }

  protected async change(quota: QuotaChange): Promise<void> {
    await this.client.reconfigure(quota)
    for (const look of this.#asleep) look()
  }

  /** The storage has the keys of all processes, so none are counted here. */
  protected async counts(): Promise<KeyCounts> {
    return { keys: 0, evicted: 0, crowded: 0 }
  }

  /** Checks the call, and answers when the storage need not be asked. */
  #atOnce(key: string, cost: number): Verdict | undefined {
    checkCall(key, cost, this.capacity)
    this.closing.signal.throwIfAborted()
    return this.ledger.spend?.(key, cost)
  }

  #grants(key: string, cost: number, verdict: Verdict): boolean {
    const granted = verdict.wait >= 0
    if (this.events.listened) this.tell(key, decisionOf(verdict, this.client.capacity, cost))
    else {
      this.decided(granted)
      if (granted) this.pass(key, cost, undefined)
      else this.deny(key, cost, 0, undefined)
    }
    return granted
  }

  #decided(key: string, cost: number, verdict: Verdict): Decision {
    const decision = decisionOf(verdict, this.client.capacity, cost)
    this.tell(key, decision)
    return decision
  }

  async #answerFor(failure: Error | undefined, key: string, cost: number): Promise<Decision> {
    const decision = await this.client.withoutStorage(failure, 'reserve', key, cost)
    this.tell(key, decision)
    return decision
  }

  async #passUnlessLate(
    key: string,
    wait: Micros,
    deadline: Millis,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const again = this.clock.now() + wait / 1000
    if (again > deadline || wait === Infinity) throw late(key, seconds(wait))
    await this.sleepUntil(Math.min(again, this.clock.now() + LONGEST_PAUSE), signal)
  }

  /**
   * Waits until a reservation is due: `wait` after the storage was asked, which was between `asked` and now. The wait begins now, so that
   * no call is early on a slow connection. When the call leaves before, the reservation is given back.
   */
  async #actIn(
    wait: Micros,
    asked: Millis,
    key: string,
    cost: number,
    signal: AbortSignal | undefined,
    terms: Terms | undefined,
  ): Promise<void> {
    try {
      signal?.throwIfAborted()
      if (wait > 0) {
        const look = () => this.fits(cost, true, this.anew(key, terms))
        // The limit may have changed during the request.
        look()
        await this.#sleepWhile(look, this.clock.now() + wait / 1000, signal)
      }
    } catch (reason) {
      await this.#undo(wait, asked, key, cost, terms)
      throw reason
    }
  }

  /** Waits until `moment`, or until `look` throws because the limit has changed. */
  #sleepWhile(look: () => void, moment: Millis, signal: AbortSignal | undefined): Promise<void> {
    return this.until(signal, (resolve, reject) => {
      const changed = () => {
        try {
          look()
        } catch (error) {
          reject(error)
        }
      }
      this.#asleep.add(changed)
      const cancel = at(this.clock, moment, resolve)
      return () => {
        this.#asleep.delete(changed)
        cancel()
      }
    })
  }

  /**
   * Gives back a reservation that is due `wait` after the storage was asked. In an outage it is not given back, and its time passes; the
   * caller gets the reason for which it left, not the error of the storage.
   */
  async #undo(
    wait: Micros,
    asked: Millis,
    key: string,
    cost: number,
    terms: Terms | undefined,
  ): Promise<void> {
    // The return takes as long to arrive as the request did, so this is the wait that is left when it arrives.
    const left = Math.max(0, Math.ceil((asked - this.clock.now()) * 1000) + wait)
    const { rule, hold } = terms ?? {}
    const back =
      hold === undefined
        ? this.client.tell('refund', key, cost, left, rule)
        : this.client.tell('settle', key, cost, 0, rule, aboutSettling(hold, 0, true))
    await back.catch(() => {})
  }

  async #waitAtHome(
    key: string,
    cost: number,
    deadline: Millis,
    signal: AbortSignal | undefined,
    terms: Terms | undefined,
  ): Promise<Decision> {
    const timeout = Math.max(0, deadline - this.clock.now()) / 1000
    const { standIn } = this.client
    const own = this.client.standInTerms(terms)
    const decision = await (standIn as SyncLimiter).waitUnder(key, cost, own, {
      timeout: deadline < Infinity ? timeout : undefined,
      signal,
    })
    return { ...decision, degraded: true }
  }
}
