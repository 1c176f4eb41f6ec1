import { ManualClock } from 'aioflux/testing'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Claim } from '../../../src/queues/store/job-store.ts'
import { permits } from '../../../src/rules/permits.ts'
import { tokenBucket } from '../../../src/rules/token-bucket.ts'
import { clients, type OpenClient } from '../../support/clients.ts'
import { draft, ENDLESS, openStore } from './queue-support.ts'

describe('turns of groups at a key that they share', () => {
  let open: OpenClient
  beforeAll(async () => {
    open = await clients.ioredis(inject('redisUrl'))
  })
  afterAll(() => open.end())

  function queueOf(rule: ReturnType<typeof permits>, groupConcurrency?: number) {
    const clock = new ManualClock(1_800_000_000)
    const { kind, params, capacity } = rule
    const limiter = {
      kind: kind as 'permits',
      scope: crypto.randomUUID(),
      params,
      capacity,
      keyed: true,
    }
    const declaration = { limiter, ...(groupConcurrency !== undefined && { groupConcurrency }) }
    return { clock, ...openStore(open.client, { declaration, storage: { clock } }) }
  }
  const job = (group: string) => draft(group, { group, limiterKey: 'k' })
  const items = (claims: Claim[]) => claims.map(({ record }) => record.item).join()
  const end = (claims: Claim[]) =>
    claims.map((claim) => ({ claim, ending: { outcome: 'completed', value: null } as const }))

  it('pass from one that was cancelled to the next', async () => {
    const { store, close } = queueOf(permits({ limit: 1 }))
    const put = await store.insert(['a', 'b', 'c'].map(job), ENDLESS)
    const first = await store.claim(9, 30_000)
    expect(items(first)).toBe('a')
    await store.settle(end(first))
    // `b` has been told that it may try.
    await store.cancel(put[1]!.id, 'no')
    expect(items(await store.claim(9, 30_000))).toBe('c')
    expect(await store.audit()).toEqual([])
    await close()
  })

  it('are not used up by groups at their bound', async () => {
    const { store, close } = queueOf(permits({ limit: 2 }), 1)
    await store.insert(['a', 'a', 'b', 'c'].map(job), ENDLESS)
    const claims = await store.claim(9, 30_000)
    expect(items(claims)).toBe('a,b')
    // The other job of `a` is parked at the same key, before `c`.
    await store.settle(end(claims.slice(1)))
    expect(items(await store.claim(9, 30_000))).toBe('c')
    expect(await store.audit()).toEqual([])
    await close()
  })

  it('come round: no group starts twice at a key before all others have', async () => {
    const { store, clock, close } = queueOf(tokenBucket({ rate: 10, burst: 1 }))
    const groups = Array.from({ length: 20 }, (_, i) => `g${i}`)
    await store.insert([...groups, ...groups].map(job), ENDLESS)
    const started: string[] = []
    for (let i = 0; i < 40; i++) {
      started.push(...(await store.claim(9, 30_000)).map(({ record }) => String(record.item)))
      clock.advance('100ms')
    }
    expect(started).toHaveLength(40)
    expect(new Set(started.slice(0, 20)).size).toBe(20)
    expect(await store.audit()).toEqual([])
    await close()
  })
})
