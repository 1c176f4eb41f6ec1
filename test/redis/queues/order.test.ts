import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { tokenBucket } from '../../../src/rules/token-bucket.ts'
import { clients, type OpenClient } from '../../support/clients.ts'
import { draft, ENDLESS, openStore } from './queue-support.ts'

interface Put {
  readonly key: number | undefined
  readonly group: number
  readonly priority: number
  readonly cost: number
}

/** Few keys and groups, most jobs of one of them, so that one claim takes many jobs of a key, and more than of others. */
const puts: fc.Arbitrary<Put[]> = fc.array(
  fc.record({
    key: fc.constantFrom(undefined, 0, 0, 0, 0, 0, 1, 2, 3, 4),
    group: fc.constantFrom(0, 0, 0, 0, 1, 2),
    priority: fc.constantFrom(0, 0, 0, 1, -2),
    cost: fc.constantFrom(1, 1, 1, 2.5),
  }),
  { minLength: 1, maxLength: 120 },
)

describe('the order of claims where jobs have keys and groups', () => {
  let open: OpenClient
  beforeAll(async () => {
    open = await clients.ioredis(inject('redisUrl'))
  })
  afterAll(() => open.end())

  function queueOf(rate: number) {
    const clock = new ManualClock(1_800_000_000)
    const { kind, params, capacity } = tokenBucket({ rate })
    const limiter = {
      kind: kind as 'token-bucket',
      scope: crypto.randomUUID(),
      params,
      capacity,
      keyed: true,
    }
    return { clock, ...openStore(open.client, { declaration: { limiter }, storage: { clock } }) }
  }

  /** Puts all, so many at once, and claims all in parts of these sizes; what is limited is waited for. Returns the numbers of the puts in the order of the claims. */
  async function claimed(
    all: Put[],
    sizes: number[],
    rate: number,
    together = Infinity,
  ): Promise<number[]> {
    const { store, clock, close } = queueOf(rate)
    const drafts = all.map(({ key, group, priority, cost }, i) =>
      draft(i, {
        ...{ priority, cost, group: `g${group}` },
        limiterKey: key === undefined ? undefined : `k${key}`,
      }),
    )
    await store.insert(drafts.splice(0, together), ENDLESS)
    const order: number[] = []
    for (let i = 0; order.length < all.length && i < 1000; i++) {
      const claims = await store.claim(sizes[i % sizes.length] as number, 30_000)
      order.push(...claims.map(({ record }) => record.item as number))
      const ending = { outcome: 'completed', value: null } as const
      await store.settle(claims.map((claim) => ({ claim, ending })))
      if (drafts.length > 0) await store.insert(drafts.splice(0, together), ENDLESS)
      if (claims.length === 0) clock.advance('1s')
    }
    expect(await store.audit()).toEqual([])
    expect(await store.counts()).toMatchObject({ waiting: 0, running: 0 })
    await close()
    return order
  }

  /** Higher priorities first, then by turn. */
  const ranked = (all: Put[], numbers: number[]) =>
    numbers.toSorted((a, b) => (all[b] as Put).priority - (all[a] as Put).priority || a - b)
  const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 })

  it('is that of priority and turn in each group, while no limit is reached', async () => {
    await fc.assert(
      fc.asyncProperty(puts, sizes, async (all, parts) => {
        const order = await claimed(all, parts, 1_000_000)
        expect(order).toHaveLength(all.length)
        for (const group of [0, 1, 2]) {
          const own = order.filter((i) => all[i]?.group === group)
          expect(own).toEqual(ranked(all, own))
        }
      }),
      { numRuns: 60, seed: 20_261_130 },
    )
  })

  it('is that of priority and turn where jobs come between the claims, and some go back', async () => {
    const step = fc.record({
      come: puts,
      claim: fc.integer({ min: 1, max: 60 }),
      goesBack: fc.nat(3),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
        const { store, close } = queueOf(1_000_000)
        const all: Put[] = []
        let waiting: number[] = []
        for (const { come, claim, goesBack } of steps) {
          const numbers = come.map((one) => all.push(one) - 1)
          await store.insert(
            numbers.map((i) => {
              const { key, priority, cost } = all[i] as Put
              return draft(i, {
                priority,
                cost,
                limiterKey: key === undefined ? undefined : `k${key}`,
              })
            }),
            ENDLESS,
          )
          waiting = ranked(all, [...waiting, ...numbers])
          const claims = await store.claim(claim, 30_000)
          const taken = claims.map(({ record }) => record.item as number)
          expect(taken).toEqual(waiting.slice(0, claim))
          waiting = waiting.slice(claim)
          await store.settle(
            claims.map((one, i) => {
              if (i % 4 !== goesBack)
                return { claim: one, ending: { outcome: 'completed', value: null } }
              waiting.push(taken[i] as number)
              return { claim: one, ending: { outcome: 'released', delay: 0 } }
            }),
          )
        }
        expect(await store.audit()).toEqual([])
        await close()
      }),
      { numRuns: 60, seed: 20_261_130 },
    )
  })

  it('is that of priority and turn in each group under each key, and in each group without a key, where limits are reached', async () => {
    await fc.assert(
      fc.asyncProperty(puts, sizes, async (all, parts) => {
        const order = await claimed(all, parts, 3)
        expect(order.toSorted((a, b) => a - b)).toEqual(all.map((_, i) => i))
        for (const group of [0, 1, 2]) {
          for (const key of [undefined, 0, 1, 2, 3, 4]) {
            const own = order.filter((i) => all[i]?.group === group && all[i]?.key === key)
            expect(own).toEqual(ranked(all, own))
          }
        }
      }),
      { numRuns: 40, seed: 20_261_130 },
    )
  })

  it('is that of turns among equals, where limits are reached and jobs go on coming', async () => {
    await fc.assert(
      fc.asyncProperty(
        puts,
        sizes,
        fc.integer({ min: 1, max: 30 }),
        async (all, parts, together) => {
          const order = await claimed(all, parts, 3, together)
          expect(order.toSorted((a, b) => a - b)).toEqual(all.map((_, i) => i))
          for (let i = 0; i < all.length; i++) {
            const { group, key, priority } = all[i] as Put
            const equals = order.filter((j) => {
              const other = all[j] as Put
              return other.group === group && other.key === key && other.priority === priority
            })
            expect(equals).toEqual(equals.toSorted((a, b) => a - b))
          }
        },
      ),
      { numRuns: 40, seed: 20_261_130 },
    )
  })
})
