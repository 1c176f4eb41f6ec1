import { systemClock } from '../../core/clock.ts'
import type { Decision } from '../../core/decision.ts'
import type { Micros } from '../../core/duration.ts'
import type { Policy } from '../../core/policy.ts'
import type { QuotaChange } from '../../core/rule.ts'
import type { CallOptions } from '../calls/call-options.ts'
import { NO_TERMS, type Terms } from '../calls/terms.ts'
import { decisionUnder, seconds } from '../decision-of.ts'
import type { KeyCounts, Limiter } from '../limiter.ts'
import type { AsyncLimiter } from '../remote/async-limiter.ts'
import { type LedgerClient, storageIsDown } from '../remote/ledger-client.ts'
import { PollingLimiter } from '../remote/polling-limiter.ts'
import { aboutHold, aboutSettling, endingAs, keptTogether } from '../reservations/keepers.ts'
import { NOTHING_HELD, type ReservationKeeper } from '../reservations/reservation.ts'
import type { Work } from '../scheduled.ts'
import { combined, noQuota } from './combined.ts'
import type { CompositeOptions } from './composite-limiter.ts'
import { JointClient } from './joint-client.ts'
import { agree, checkApart, clientOf, isReserving, joinable, type Member } from './member.ts'
import { memberTerms, ownKey } from './member-terms.ts'
import { Members } from './members.ts'
import {
  type CallOfMembers,
  holdOneByOne,
  lookOneByOne,
  release,
  returnOneByOne,
  takeOneByOne,
} from './one-by-one.ts'

/**
 * Several limiters of any kind as one, through their public methods alone. It takes from each in order, and when one denies or fails, it
 * gives back to the limiters before it. Until then other calls do not have these tokens. So it can deny a call that would just have
 * fitted; it never lets a call pass that it should deny.
 *
 * Callers that wait for a permit and something else ask every 50 ms and are not woken. One of them takes a permit and gives it back when a
 * later member denies. That would wake all the others, which would do the same and wake it again.
 */
export class MixedComposite extends PollingLimiter {
  /** @internal */
  readonly members: readonly Member[]
  readonly #all: Members
  readonly #joint: JointClient | undefined
  /** Where the reservations are kept that were made one by one, by the parts of their decisions: a shadow tells another decision of these. */
  readonly #apart = new WeakMap<readonly Decision[], ReservationKeeper>()

  constructor(members: readonly Member[], options: CompositeOptions = {}) {
    const clock = members.find(({ limiter }) => limiter.clock)?.limiter.clock ?? systemClock
    const all = new Members(members)
    const { name = all.name } = options
    super(name, clock, options.shadow)
    this.members = members
    this.#all = all
    checkApart(members)
    this.#joint = JointClient.of(members.map(({ limiter }) => joinable(limiter)))
    this.observe(options.metrics)
  }

  /** The least that is known; a limiter that does not tell checks the cost for itself. */
  get capacity(): number {
    return this.#all.capacity()
  }

  override capacityUnder(terms: Terms): number {
    return this.#all.capacity(terms)
  }

  /** @internal */
  fits(cost: number, _ahead: boolean, terms: Terms | undefined): boolean {
    return this.#all.fit(cost, terms)
  }

  knows(name: string): boolean {
    return this.#all.knows(name)
  }

  termsOf(call: CallOptions, key?: string): Terms | undefined {
    return this.#all.termsOf(this.name, call, key)
  }

  override get quotable(): boolean {
    return this.#all.quotable
  }

  /** True where a part, or a part of a part, has a quota of its own. */
  get planned(): boolean {
    return this.#all.planned
  }

  /** True where a part, or a part of a part, has a cost of its own. */
  get priced(): boolean {
    return this.#all.priced
  }

  protected override checkCost(key: string, cost: number, terms: Terms | undefined): void {
    super.checkCost(key, cost, terms)
    if (this.priced && this.shadow === undefined) this.fits(cost, false, terms)
  }

  get policies(): readonly Policy[] {
    return this.#all.policies
  }

  get unheld(): string | undefined {
    for (const { limiter } of this.members) {
      const kind = isReserving(limiter) ? limiter.unheld : limiter.name
      if (kind !== undefined) return kind
    }
    return undefined
  }

  /** @internal */
  keeperOf(key: string, cost: number, terms: Terms, decision: Decision): ReservationKeeper {
    const apart = decision.parts && this.#apart.get(decision.parts)
    if (apart !== undefined) return apart
    const { hold } = terms
    if (this.#joint === undefined || hold === undefined || terms.bound === 'closed') {
      return NOTHING_HELD
    }
    const joint = this.#joint
    const keys = this.#all.keys(key, terms)
    const prices = this.#all.prices(cost, terms)
    const asked = { costs: prices, rules: terms.members?.map((one) => one?.rule) }
    return {
      settle: async (actual, again, cancelled) => {
        const charged = cancelled ? prices.map(() => 0) : this.#all.charged(actual)
        const about = aboutSettling(hold, charged, again)
        await joint.tell('settle', keys, { ...asked, about })
      },
      extend: (ttl) =>
        joint.tell('extend', keys, { ...asked, about: aboutHold(endingAs(hold, ttl)) }),
      excuses: storageIsDown,
    }
  }

  protected async decide(
    move: 'reserve' | 'peek',
    key: string,
    cost: number,
    terms?: Terms,
  ): Promise<Decision> {
    const prices = this.#all.prices(cost, terms)
    const together = await this.#together(move, key, cost, prices, terms)
    if (together !== undefined) return together
    const call = this.#call(key, prices, terms)
    // A closed plan denies, whatever the others say: nothing is taken.
    if (move === 'peek' || terms?.bound === 'closed') {
      return this.#judged(await lookOneByOne(call), cost)
    }
    if (terms?.hold === undefined) {
      return this.#judged(await takeOneByOne(call), cost)
    }
    const { decisions, kept } = await holdOneByOne(call)
    this.#apart.set(
      decisions,
      keptTogether(kept, (actual) => this.#all.charged(actual)),
    )
    return this.#judged(decisions, cost)
  }

  protected async undo(
    key: string,
    cost: number,
    terms: Terms | undefined,
    decision: Decision,
  ): Promise<void> {
    try {
      if (terms?.hold !== undefined) {
        await this.keeperOf(key, cost, terms, decision).settle(0, false, true)
        return
      }
      await this.returnTaken(key, cost, terms, decision)
    } catch {
      // Tokens that cannot be given back come back as time passes.
    }
  }

  /** @internal Gives back what `decision` has taken. */
  returnTaken(
    key: string,
    cost: number,
    terms: Terms | undefined,
    { parts = [] }: Decision,
  ): Promise<void> {
    return returnOneByOne(this.#call(key, this.#all.prices(cost, terms), terms), parts)
  }

  protected async giveBack(key: string, cost: number, terms?: Terms): Promise<void> {
    const { members } = this
    const prices = this.#all.prices(cost, terms)
    // All are read before anything is done with one.
    const own = { ...(terms ?? NO_TERMS), keys: this.#all.keys(key, terms) }
    agree(members)
    const call = this.#call(key, prices, own)
    await Promise.all(members.map((_, i) => release(call, i)))
  }

  /** @internal */
  override measured<T>(fn: Work<T>): Work<T> {
    return this.#all.measured(fn)
  }

  /** @internal */
  override get lends(): boolean {
    return this.#all.lend
  }

  override leave(key: string, cost: number, decision?: Decision): void {
    this.#all.leave(key, cost, decision)
  }

  protected async forget(key: string): Promise<void> {
    await this.#each(key, ({ limiter }, own) => limiter.reset(own))
  }

  protected async hold(key: string, duration: Micros, replace: boolean): Promise<void> {
    await this.#each(key, ({ limiter }, own) =>
      duration === 0 ? limiter.unblock(own) : limiter.block(own, seconds(duration), { replace }),
    )
  }

  protected async change(_quota: QuotaChange): Promise<never> {
    throw noQuota()
  }

  protected async counts(key: string): Promise<KeyCounts> {
    const stats = await Promise.all(
      this.members.map((member) => member.limiter.getStats(ownKey(member, key))),
    )
    return {
      keys: stats.reduce((sum, one) => sum + one.keys, 0),
      evicted: stats.reduce((sum, one) => sum + one.evicted, 0),
      crowded: stats.reduce((sum, one) => sum + one.crowded, 0),
    }
  }

  /** The decision in one trip, where all members are in one storage that can do that and can be asked. */
  async #together(
    move: 'reserve' | 'peek',
    key: string,
    cost: number,
    prices: readonly number[],
    terms: Terms | undefined,
  ): Promise<Decision | undefined> {
    if (this.#joint === undefined || terms?.members?.some((one) => !isCounted(one))) {
      return undefined
    }
    const keys = this.#all.keys(key, terms)
    const alike = prices.every((price) => price === cost)
    const hold = move === 'reserve' ? terms?.hold : undefined
    const verdicts = await this.#joint.ask(hold === undefined ? move : 'hold', keys, {
      costs: alike ? cost : prices,
      rules: terms?.members?.map((one) => one?.rule),
      about: hold && aboutHold(hold),
    })
    if (verdicts === undefined) return undefined
    const decisions = verdicts.map((verdict, i) => {
      const { capacity } = clientOf((this.members[i] as Member).limiter) as LedgerClient
      return decisionUnder(memberTerms(terms, i), verdict, capacity, prices[i] as number)
    })
    if (move === 'reserve') this.#heed(decisions)
    return this.#judged(decisions, cost)
  }

  /** Lets the members know what the storage has decided for them: each that has given, or each that has denied. */
  #heed(decisions: readonly Decision[]): void {
    const whole = decisions.every(({ allowed }) => allowed)
    for (const [i, { allowed }] of decisions.entries()) {
      const { limiter } = this.members[i] as Member
      if (whole || !allowed) (limiter as Limiter & AsyncLimiter).decided(allowed)
    }
  }

  #call(key: string, prices: readonly number[], terms: Terms | undefined): CallOfMembers {
    const { members, shadow } = this
    return { members, key, prices, terms, shadow }
  }

  /** Has every member do the same at the same time: a storage that hangs costs one timeout, however many they are. */
  async #each(key: string, verb: (member: Member, own: string) => Promise<unknown>): Promise<void> {
    // All are read before anything is done with one.
    const keys = this.#all.keys(key)
    agree(this.members)
    await Promise.all(this.members.map((member, i) => verb(member, keys[i] as string)))
  }

  #judged(decisions: readonly Decision[], cost: number): Decision {
    const denier = decisions.findIndex((decision) => !decision.allowed)
    const retryAfter = Math.max(0, ...decisions.map((decision) => decision.retryAfter))
    const name = this.members[denier]?.limiter.name
    return {
      ...combined(decisions),
      allowed: denier < 0,
      retryAfter,
      cost,
      parts: decisions,
      ...(name !== undefined && { deniedBy: name }),
      ...(decisions.some(({ degraded }) => degraded) && { degraded: true }),
    }
  }
}

/** True where it is judged by numbers, which a script can be told. */
function isCounted(terms: Terms | undefined): boolean {
  return terms === undefined || terms.bound === 'counted'
}
