import type { Decision } from '../../core/decision.ts'
import { isAioFluxError } from '../../core/errors.ts'
import type { CallOptions } from '../calls/call-options.ts'
import type { Terms } from '../calls/terms.ts'
import { storageIsDown } from '../remote/ledger-client.ts'
import { neverOver } from '../reservations/keepers.ts'
import { NOTHING_HELD, type ReservationKeeper } from '../reservations/reservation.ts'
import { took } from '../took.ts'
import { agree, isReserving, type Member } from './member.ts'
import { memberKey, memberTerms, type Sharing } from './member-terms.ts'

/** One call of a composite whose members are asked in turn. */
export interface CallOfMembers {
  readonly members: readonly Member[]
  readonly key: string
  /** The cost for each of them. */
  readonly prices: readonly number[]
  readonly terms: Terms | undefined
  /** Set where the composite denies nothing. */
  readonly shadow: object | undefined
}

/** The decision that each member would make. */
export function lookOneByOne(call: CallOfMembers): Promise<Decision[]> {
  return Promise.all(call.members.map((_, i) => look(call, i)))
}

/** The decision of each member after a denial: of the member that denied, its denial; of the others, their numbers after giving back. */
function denied(call: CallOfMembers, decisions: readonly Decision[]): Promise<Decision[]> {
  return Promise.all(
    call.members.map(async (_, i) => {
      const decision = decisions[i]
      const stands = decision !== undefined && !took(decision, call.prices[i] as number)
      return stands ? decision : look(call, i)
    }),
  )
}

/**
 * Takes from each member in turn. When one denies or fails, gives back to the members before it. All other members are then only
 * peeked at: for their numbers, and for the longest wait.
 */
export async function takeOneByOne(call: CallOfMembers): Promise<Decision[]> {
  const { members, prices } = call
  const decisions: Decision[] = []
  let whole = false
  try {
    for (const i of members.keys()) {
      const decision = await (prices[i] === 0 ? look(call, i) : take(call, i))
      decisions.push(decision)
      if (decision.degraded) agree(members)
      if (!decision.allowed) break
    }
    whole = decisions.length === members.length && decisions.every((one) => one.allowed)
  } finally {
    if (!whole) await returnOneByOne(call, decisions)
  }
  return whole ? decisions : denied(call, decisions)
}

/** Gives back what was taken from each member. */
export async function returnOneByOne(
  call: CallOfMembers,
  decisions: readonly Decision[],
): Promise<void> {
  agree(call.members)
  await Promise.all(
    decisions.map(async (decision, i) => {
      if (!took(decision, call.prices[i] as number)) return
      try {
        const { limiter, key, price, terms } = asked(call, i)
        // A composite inside may have shadows that had nothing to give.
        if (limiter.returnTaken === undefined) await release(call, i)
        else await limiter.returnTaken(key, price, terms, decision)
      } catch (error) {
        // The decision is made. Tokens that an outage keeps come back as time passes.
        if (!storageIsDown(error)) throw error
      }
    }),
  )
}

/** As {@link takeOneByOne}, of what is to be settled; and where each member keeps it. */
export async function holdOneByOne(
  call: CallOfMembers,
): Promise<{ decisions: Decision[]; kept: ReservationKeeper[] }> {
  const { members, key, prices, terms } = call
  const kept: ReservationKeeper[] = []
  const decisions: Decision[] = []
  let whole = false
  try {
    for (const [i, member] of members.entries()) {
      const { limiter } = member
      if (!isReserving(limiter)) break
      const ownKey = memberKey(member, i, key, terms)
      const own = memberTerms(terms, i) as Terms
      const price = prices[i] as number
      const decision = await limiter.consumeUnder(ownKey, price, own)
      decisions.push(decision)
      if (decision.degraded) agree(members)
      if (!decision.allowed) break
      const keeper = limiter.keeperOf(ownKey, price, own, decision)
      const shadow = (limiter as Sharing).shadow !== undefined
      kept.push(decision.wouldDeny ? NOTHING_HELD : shadow ? neverOver(keeper) : keeper)
    }
    whole = kept.length === members.length
  } finally {
    if (!whole) {
      agree(members)
      await Promise.all(kept.map(cancelled))
    }
  }
  return { decisions: whole ? decisions : await denied(call, decisions), kept }
}

/** Gives back all of a reservation; tokens that an outage keeps come back as time passes. */
async function cancelled(keeper: ReservationKeeper): Promise<void> {
  try {
    await keeper.settle(0, false, true)
  } catch (error) {
    if (!keeper.excuses?.(error)) throw error
  }
}

/** Gives back to a member what was taken from it, under the same terms. */
export async function release(call: CallOfMembers, i: number): Promise<void> {
  const { limiter, key, price, terms, ours } = asked(call, i)
  if (price === 0) return
  await (ours
    ? ours.releaseUnder(key, price, terms as Terms)
    : limiter.release(key, callOf(price, terms)))
}

/** Takes from a member. */
async function take(call: CallOfMembers, i: number): Promise<Decision> {
  const { limiter, key, price, terms, ours } = asked(call, i)
  return ours
    ? ours.consumeUnder(key, price, terms as Terms)
    : unlessTooLarge(call, i, limiter.consume(key, callOf(price, terms)))
}

/** Looks at a member. One that costs nothing denies only what has used more than its limit, or is blocked. */
async function look(call: CallOfMembers, i: number): Promise<Decision> {
  const { limiter, key, price, terms, ours } = asked(call, i)
  const least = price === 0 ? Number.MIN_VALUE : price
  const decision = await (ours
    ? ours.peekUnder(key, least, terms as Terms)
    : unlessTooLarge(call, i, limiter.peek(key, callOf(least, terms))))
  return price === 0 ? { ...decision, cost: 0 } : decision
}

/** What a limiter of a user's own answers; to a shadow, a no where it refuses what it never holds. */
async function unlessTooLarge(
  { members, prices, shadow }: CallOfMembers,
  i: number,
  answer: Promise<Decision>,
): Promise<Decision> {
  try {
    return await answer
  } catch (error) {
    if (shadow === undefined || !isAioFluxError(error, 'COST_TOO_LARGE')) throw error
    const { capacity: limit = 0 } = (members[i] as Member).limiter
    const nothing = { remaining: 0, retryAfter: 0, resetAfter: 0 }
    return { allowed: false, limit, ...nothing, cost: prices[i] as number }
  }
}

/**
 * How a member is to be asked; and the limiter once more where it is one of this library. That need not check what has been checked of the
 * whole, and what is too large for it denies there, which a shadow only tells.
 */
function asked({ members, key, prices, terms }: CallOfMembers, i: number) {
  const member = members[i] as Member
  const { limiter } = member
  const own = memberTerms(terms, i)
  return {
    limiter,
    key: memberKey(member, i, key, terms),
    price: prices[i] as number,
    terms: own,
    ours: isReserving(limiter) ? limiter : undefined,
  }
}

/** The call as a member is to be asked. */
function callOf(price: number, terms: Terms | undefined): number | CallOptions {
  return terms === undefined ? price : { ...terms.brought, cost: price }
}
