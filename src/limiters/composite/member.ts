import { describe, OptionTypeError } from '../../core/errors.ts'
import type { RemoteLedger } from '../../core/storage.ts'
import type { Limiter } from '../limiter.ts'
import { AsyncLimiter } from '../remote/async-limiter.ts'
import type { LedgerClient } from '../remote/ledger-client.ts'
import type { Reserving } from '../reservations/reserve.ts'
import type { QuotaOf, Sharing } from './member-terms.ts'

/** Any limiter, and the key, the cost and the quota it is asked with. */
export interface Member {
  readonly limiter: Limiter & Sharing
  readonly keyOf: (key: string) => string
  readonly costOf: ((cost: number) => number) | undefined
  readonly quotaOf: QuotaOf | undefined
}

/** True where it can be asked to reserve, within the limits of its kind. */
export function isReserving(limiter: Limiter): limiter is Limiter & Reserving {
  return typeof (limiter as Partial<Reserving>).keeperOf === 'function'
}

/** What asks the storage for a limiter, where there is one storage. */
export function clientOf(limiter: Limiter): LedgerClient | undefined {
  return limiter instanceof AsyncLimiter ? limiter.client : undefined
}

/** Its client, where one ledger elsewhere decides alone for it. */
export function joinable(limiter: Limiter): LedgerClient | undefined {
  // A shadow lets through what its state would deny, which no script knows.
  const { shadow } = limiter as { shadow?: unknown }
  return shadow === undefined && ledgerOf(limiter) !== undefined ? clientOf(limiter) : undefined
}

/** The ledger elsewhere that decides alone for a limiter, where one does. */
function ledgerOf(limiter: Limiter): RemoteLedger | undefined {
  return limiter instanceof AsyncLimiter ? limiter.ledger : undefined
}

/** A member has met an outage: the others on the same storage need not find out at the cost of a timeout each. */
export function agree(members: readonly Member[]): void {
  const clients = members.flatMap(({ limiter }) => clientOf(limiter) ?? [])
  for (const met of clients) {
    if (met.leftAlone === undefined) continue
    for (const client of clients) {
      if (client.ledger.storage === met.ledger.storage) client.follow(met)
    }
  }
}

/** A state that two members have in common would be charged twice, and at two paces. */
export function checkApart(members: readonly Member[]): void {
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
