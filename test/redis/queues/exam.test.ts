import { ManualClock } from 'aioflux/testing'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Declaration, LimitDeclaration } from '../../../src/queues/store/queue-storage.ts'
import { permits } from '../../../src/rules/permits.ts'
import { tokenBucket } from '../../../src/rules/token-bucket.ts'
import { jobStoreExam } from '../../../src/testing/job-store/exam.ts'
import type { JobStoreTerms, StoreLimit } from '../../../src/testing/job-store/terms.ts'
import { clients, libraries, type OpenClient } from '../../support/clients.ts'
import { openStore } from './queue-support.ts'

describe.each(libraries)('a queue in Redis, by %s', (library) => {
  let open: OpenClient
  beforeAll(async () => {
    open = await clients[library](inject('redisUrl'))
  })
  afterAll(() => open.end())

  const laws = jobStoreExam(
    (terms) => {
      const clock = new ManualClock(1_800_000_000)
      const options = {
        name: `q-${crypto.randomUUID()}`,
        declaration: declarationOf(terms),
        resultTtl: terms.resultTtl,
        idTtl: terms.idTtl,
        storage: { clock },
      }
      const all = [openStore(open.client, options)]
      return {
        store: (all[0] as (typeof all)[0]).store,
        advance: (duration) => clock.advanceAsync(duration),
        peer() {
          const peer = openStore(open.client, options)
          all.push(peer)
          return peer.store
        },
        refused: () => {},
        async close() {
          expect(await all[0]?.store.audit()).toEqual([])
          await Promise.all(all.map((one) => one.close()))
        },
      }
    },
    { runs: 25 },
  )
  for (const law of laws) it.skipIf(law.missing)(law.name, () => law.run())
})

function declarationOf(terms: JobStoreTerms): Declaration {
  const { maxDeliveries, keep, groupConcurrency, limiter } = terms
  return {
    maxDeliveries,
    keepCompleted: keep.completed,
    keepDead: keep.dead,
    ...(groupConcurrency !== undefined && { groupConcurrency }),
    ...(limiter && { limiter: limitOf(limiter) }),
  }
}

/** Each exam has states of its own. */
function limitOf(limit: StoreLimit): LimitDeclaration {
  const rule =
    limit.kind === 'concurrency'
      ? permits({ limit: limit.limit })
      : tokenBucket({ rate: limit.rate, per: limit.per / 1000, burst: limit.burst })
  return {
    kind: rule.kind as LimitDeclaration['kind'],
    scope: crypto.randomUUID(),
    params: rule.params,
    capacity: rule.capacity,
    keyed: true,
  }
}
