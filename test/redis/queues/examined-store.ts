import type { RedisClientLike } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { expect } from 'vitest'
import type { Declaration, LimitDeclaration } from '../../../src/queues/store/queue-storage.ts'
import { permits } from '../../../src/rules/permits.ts'
import { tokenBucket } from '../../../src/rules/token-bucket.ts'
import type { JobStoreTerms, StoreLimit } from '../../../src/testing/job-store/terms.ts'
import type { JobStoreUnderExam } from '../../../src/testing/job-store/under-exam.ts'
import { openStore } from './queue-support.ts'

/** A new queue in Redis for an exam of job stores. At its end its records must agree with their indexes. */
export function examinedStore(client: RedisClientLike, terms: JobStoreTerms): JobStoreUnderExam {
  const clock = new ManualClock(1_800_000_000)
  const options = {
    name: `q-${crypto.randomUUID()}`,
    declaration: declarationOf(terms),
    resultTtl: terms.resultTtl,
    idTtl: terms.idTtl,
    storage: { clock, timeout: 30 },
  }
  const first = openStore(client, options)
  const all = [first]
  return {
    store: first.store,
    advance: (duration) => clock.advanceAsync(duration),
    peer() {
      const peer = openStore(client, options)
      all.push(peer)
      return peer.store
    },
    refused: () => {},
    async close() {
      expect(await first.store.audit()).toEqual([])
      await Promise.all(all.map((one) => one.close()))
    },
  }
}

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
