import type { Decision } from '../core/decision.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import type { RemoteLedger, RemoteStorage } from '../core/storage.ts'
import { AsyncLimiter } from './async-limiter.ts'
import type { Limiter } from './limiter.ts'
import type { CallOptions, Sharing, Terms } from './terms.ts'

/** Any limiter, and the key and the cost it is asked with. */
export interface Member {
  readonly limiter: Limiter & Sharing
  readonly keyOf: (key: string) => string
  readonly costOf: ((cost: number) => number) | undefined
}

/** The most that a member can ever grant, as far as it tells. */
export function capacityOf(limiter: Limiter & Sharing, terms?: Terms): number {
  const { capacity = Number.MAX_VALUE } = limiter as { capacity?: number }
  return terms?.rule?.capacity ?? capacity
}

/** The call as a member is to be asked. */
export function callOf(price: number, terms: Terms | undefined): number | CallOptions {
  return terms === undefined ? price : { ...terms.brought, cost: price }
}

/** Looks at a member; one that costs nothing denies nobody. */
export async function peek(
  limiter: Limiter,
  key: string,
  prices: readonly number[],
  i: number,
  terms: Terms | undefined,
): Promise<Decision> {
  const price = prices[i] as number
  if (price > 0) return limiter.peek(key, callOf(price, terms?.members?.[i]))
  const { limit, remaining, resetAfter } = await limiter.getStats(key)
  return { allowed: true, limit, remaining, retryAfter: 0, resetAfter, cost: 0 }
}

/** Members that all lie in one storage. */
export interface Joint {
  readonly storage: RemoteStorage
  readonly ledgers: readonly RemoteLedger[]
}

export function jointOf(members: readonly Member[]): Joint | undefined {
  const ledgers: RemoteLedger[] = []
  for (const { limiter } of members) {
    const ledger = ledgerOf(limiter)
    if (ledger === undefined) return undefined
    ledgers.push(ledger)
  }
  const storage = ledgers[0]?.storage
  return storage !== undefined && ledgers.every((ledger) => ledger.storage === storage)
    ? { storage, ledgers }
    : undefined
}

/** The ledger elsewhere that decides alone for a limiter, where one does. */
function ledgerOf(limiter: Limiter): RemoteLedger | undefined {
  return limiter instanceof AsyncLimiter ? limiter.ledger : undefined
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
