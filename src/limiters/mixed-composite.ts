import { systemClock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import type { Micros } from '../core/duration.ts'
import { describe, isAioFluxError, OptionTypeError } from '../core/errors.ts'
import type { Policy } from '../core/policy.ts'
import type { QuotaChange } from '../core/rule.ts'
import type { RemoteLedger } from '../core/storage.ts'
import { AsyncLimiter } from './async-limiter.ts'
import {
  type CompositeOptions,
  combined,
  compositeName,
  noQuota,
  policiesOf,
} from './composite-limiter.ts'
import { decisionOf } from './decision-of.ts'
import { JointDesk } from './joint-desk.ts'
import { KnockingLimiter } from './knocking-limiter.ts'
import type { KeyCounts, Limiter } from './limiter.ts'
import type { RemoteDesk } from './remote-desk.ts'

/** Any limiter, and the key under which it is asked. */
export interface Member {
  readonly limiter: Limiter
  readonly keyOf: (key: string) => string
}

/**
 * Several limiters of any kind as one, through their public verbs alone: takes from each in order, and when one says no
 * or fails, gives back to those before it. What is being given back is briefly missing for others, so
 * this can deny a call that would just have fitted; it never lets one through that should not.
 *
 * Those who wait for a permit among others ask every 50 ms and are not woken: what one of them takes and gives back, because a
 * later member says no, would wake all the others, and they him.
 */
export class MixedComposite extends KnockingLimiter {
  readonly #members: readonly Member[]
  /** What asks for those members that lie elsewhere. */
  readonly #desks: readonly RemoteDesk[]
  readonly #joint: JointDesk | undefined

  constructor(members: readonly Member[], options: CompositeOptions = {}) {
    const clock = members.find(({ limiter }) => limiter.clock)?.limiter.clock ?? systemClock
    const { name = compositeName(members) } = options
    super(name, clock)
    this.#members = members
    checkApart(members)
    this.#desks = members.flatMap(({ limiter }) => deskOf(limiter) ?? [])
    this.#joint = JointDesk.of(
      members.map(({ limiter }) => (ledgerOf(limiter) ? deskOf(limiter) : undefined)),
    )
    this.observe(options.metrics)
  }

  /** The least that is known; a limiter that does not tell checks the cost for itself. */
  get capacity(): number {
    let least = Number.MAX_VALUE
    for (const { limiter } of this.#members) {
      const { capacity } = limiter as { capacity?: number }
      if (capacity !== undefined && capacity < least) least = capacity
    }
    return least
  }

  get policies(): readonly Policy[] {
    return policiesOf(this.#members)
  }

  protected async decide(move: 'reserve' | 'peek', key: string, cost: number): Promise<Decision> {
    const together = await this.#together(move, key, cost)
    if (together !== undefined) return together
    return move === 'peek' ? this.#look(key, cost) : this.#take(key, cost)
  }

  protected async giveBack(key: string, cost: number): Promise<void> {
    await this.#each(({ limiter, keyOf }) => limiter.release(keyOf(key), cost))
  }

  override leave(key: string, cost: number): void {
    for (const { limiter, keyOf } of this.#members) {
      limiter.leave?.(keyOf(key), cost)
    }
  }

  protected async forget(key: string): Promise<void> {
    await this.#each(({ limiter, keyOf }) => limiter.reset(keyOf(key)))
  }

  protected async hold(key: string, duration: Micros): Promise<void> {
    await this.#each(({ limiter, keyOf }) => limiter.block(keyOf(key), duration / 1e6))
  }

  protected async change(_quota: QuotaChange): Promise<never> {
    throw noQuota()
  }

  protected async counts(key: string): Promise<KeyCounts> {
    const stats = await Promise.all(
      this.#members.map(({ limiter, keyOf }) => limiter.getStats(keyOf(key))),
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
  ): Promise<Decision | undefined> {
    if (this.#joint === undefined) return undefined
    const keys = this.#members.map(({ keyOf }) => keyOf(key))
    const verdicts = await this.#joint.ask(move, keys, cost)
    if (verdicts === undefined) return undefined
    return this.#judged(
      verdicts.map((verdict, i) => {
        const { limiter } = this.#members[i] as Member
        return decisionOf(verdict, (limiter as AsyncLimiter).capacity, cost)
      }),
      cost,
    )
  }

  async #look(key: string, cost: number): Promise<Decision> {
    const decisions = await Promise.all(
      this.#members.map(({ limiter, keyOf }) => limiter.peek(keyOf(key), cost)),
    )
    return this.#judged(decisions, cost)
  }

  async #take(key: string, cost: number): Promise<Decision> {
    const decisions: Decision[] = []
    let whole = false
    try {
      for (const { limiter, keyOf } of this.#members) {
        const decision = await limiter.consume(keyOf(key), cost)
        decisions.push(decision)
        if (decision.degraded) this.#agree()
        if (!decision.allowed) break
      }
      whole = decisions.length === this.#members.length && decisions.every((one) => one.allowed)
    } finally {
      if (!whole) await this.#undo(key, cost, decisions)
    }
    if (whole) return this.#judged(decisions, cost)
    // The others are only looked at, for the longest wait.
    const rest = this.#members.slice(decisions.length)
    const looks = await Promise.all(
      rest.map(({ limiter, keyOf }) => limiter.peek(keyOf(key), cost)),
    )
    return this.#judged([...decisions, ...looks], cost)
  }

  /** Gives back what was taken. */
  async #undo(key: string, cost: number, decisions: readonly Decision[]): Promise<void> {
    this.#agree()
    const taken = this.#members.filter((_, i) => {
      const decision = decisions[i]
      // What an outage let through was not taken from anywhere.
      return decision?.allowed && !decision.uncounted
    })
    await Promise.all(
      taken.map(async ({ limiter, keyOf }) => {
        try {
          await limiter.release(keyOf(key), cost)
        } catch (error) {
          // The answer is known. What an outage keeps comes back as time passes.
          if (!isAioFluxError(error, 'STORAGE_DOWN')) throw error
        }
      }),
    )
  }

  /** Has every member do the same at the same time: a storage that hangs costs one timeout, however many they are. */
  async #each(verb: (member: Member) => Promise<void>): Promise<void> {
    this.#agree()
    await Promise.all(this.#members.map(verb))
  }

  /** A member has met an outage: the others on the same storage need not find out at the cost of a timeout each. */
  #agree(): void {
    for (const met of this.#desks) {
      if (met.leftAlone === undefined) continue
      for (const desk of this.#desks) {
        if (desk.ledger.storage === met.ledger.storage) desk.follow(met)
      }
    }
  }

  #judged(decisions: readonly Decision[], cost: number): Decision {
    const denier = decisions.findIndex((decision) => !decision.allowed)
    const retryAfter = Math.max(0, ...decisions.map((decision) => decision.retryAfter))
    const name = this.#members[denier]?.limiter.name
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

function deskOf(limiter: Limiter): RemoteDesk | undefined {
  return limiter instanceof AsyncLimiter ? limiter.desk : undefined
}

/** The ledger elsewhere that decides alone for a limiter, where one does. */
function ledgerOf(limiter: Limiter): RemoteLedger | undefined {
  return limiter instanceof AsyncLimiter ? limiter.ledger : undefined
}

/** A state that two members have in common would be charged twice, and at two paces. */
function checkApart(members: readonly Member[]): void {
  const remote = members.flatMap(({ limiter, keyOf }) => {
    const ledger = ledgerOf(limiter)
    return ledger === undefined ? [] : [{ ledger, keyOf }]
  })
  for (const [i, { ledger, keyOf }] of remote.entries()) {
    const { storage, scope, rule } = ledger
    const shared = remote.slice(0, i).some((one) => {
      const { ledger } = one
      return (
        one.keyOf === keyOf &&
        ledger.storage === storage &&
        ledger.scope === scope &&
        ledger.rule.kind === rule.kind
      )
    })
    if (!shared) continue
    throw new OptionTypeError(
      'limiters',
      `limiters must have counts of their own, but two of the kind '${rule.kind}' have the scope ${describe(scope)}`,
    )
  }
}
