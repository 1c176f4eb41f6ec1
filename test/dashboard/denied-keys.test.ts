import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DeniedKeys } from '../../src/dashboard/parts/denied-keys.ts'

describe('the keys that are denied most', () => {
  it('counts none too low, and misses none of more than a 256th of all', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 1, max: 40 })), {
          minLength: 1,
          maxLength: 600,
        }),
        (puts) => {
          const keys = new DeniedKeys(0)
          const exact = new Map<string, number>()
          let total = 0
          for (const [key, times] of puts) {
            for (let i = 0; i < times; i++) keys.add(String(key), 1, 0)
            exact.set(String(key), (exact.get(String(key)) ?? 0) + times)
            total += times
          }
          expect(keys.keys).toBeLessThanOrEqual(256)
          for (const [key, count] of exact) {
            const told = keys.find(key)
            if (told !== undefined) expect(told.count).toBeGreaterThanOrEqual(count)
            else expect(count).toBeLessThanOrEqual(total / 256)
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('keeps a point of the past of each key for each 10 s, half an hour of them', () => {
    const keys = new DeniedKeys(0)
    for (let second = 1; second <= 25; second++) {
      if (second <= 10) for (let i = 0; i < 4; i++) keys.add('a', 1, second * 1000 - 500)
      keys.tick(second * 1000)
    }
    expect(keys.find('a')?.past).toEqual([4, 0])
    expect(keys.pastUntil).toBe(20_000)
    for (let second = 26; second <= 4000; second++) keys.tick(second * 1000)
    expect(keys.find('a')?.past).toHaveLength(180)
  })

  it('tells how often a second, and sums up the others', () => {
    const keys = new DeniedKeys(0)
    for (let i = 0; i < 10; i++) keys.add('often', 2, 500)
    keys.add('once', 1, 500)
    keys.tick(1000)
    const [first, second] = keys.top(10)
    expect(first).toMatchObject({ key: 'often', rate: 10, retryAfter: 2, first: 500 })
    expect(second).toMatchObject({ key: 'once', rate: 1 })
    expect([keys.rate, keys.error, keys.more]).toEqual([11, 0, false])
  })
})
