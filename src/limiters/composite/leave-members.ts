import type { Decision } from '../../core/decision.ts'
import type { Limiter } from '../limiter.ts'
import type { Work } from '../scheduled.ts'
import { took } from '../took.ts'
import { type Keyed, ownKey, type Sharing } from './member-terms.ts'

interface LeftMember extends Keyed {
  readonly limiter: Pick<Limiter, 'leave'>
  readonly costOf: ((cost: number) => number) | undefined
}

/** A call of a composite has ended: each member that gave something gets back what is held only while the call ran. */
export function leaveMembers(
  members: readonly LeftMember[],
  key: string,
  cost: number,
  decision: Decision | undefined,
): void {
  if (decision !== undefined && !took(decision, cost)) return
  for (const [i, member] of members.entries()) {
    const { limiter, costOf } = member
    const paid = costOf === undefined ? cost : costOf(cost)
    if (paid !== 0) limiter.leave?.(ownKey(member, key), paid, decision?.parts?.[i])
  }
}

/** The function, which tells each member how it went that goes by that. */
export function measuredByMembers<T>(
  members: readonly { readonly limiter: Sharing }[],
  fn: Work<T>,
): Work<T> {
  return members.reduce((work, { limiter }) => limiter.measured?.(work) ?? work, fn)
}
