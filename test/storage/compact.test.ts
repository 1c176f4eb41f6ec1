import { LimiterFactory, MemoryStorage, tokenBucket } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Drain } from '../../src/core/rule.ts'
import type { Ledger } from '../../src/core/storage.ts'
import { CompactLedger } from '../../src/storage/compact-ledger.ts'
import { CompactTable } from '../../src/storage/compact-table.ts'
import { FewKeys } from '../../src/storage/few-keys.ts'
import { EVICTED, FREE, type KeyTable, REFUSED } from '../../src/storage/key-table.ts'
import { RecordLedger } from '../../src/storage/record-ledger.ts'

const tables: [string, (capacity: number) => KeyTable][] = [
  ['few keys', (capacity) => new FewKeys(capacity)],
  ['compact, 32 bits', (capacity) => new CompactTable(capacity, false, 0)],
  ['compact, 64 bits', (capacity) => new CompactTable(capacity, true, 0)],
]

for (const [name, make] of tables) {
  describe(`key table: ${name}`, () => {
    it('holds what a Map would hold, over random moves and passing time', () => {
      const step = fc.record({
        key: fc.integer({ min: 0, max: 40 }).map((n) => `key-${n}`),
        ahead: fc.integer({ min: 1, max: 2 ** 30 }),
        pause: fc.oneof(
          { weight: 9, arbitrary: fc.integer({ min: 0, max: 2 ** 20 }) },
          { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 34 }) },
        ),
        remove: fc.boolean(),
      })
      fc.assert(
        fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
          const table = make(1000)
          const model = new Map<string, number>()
          let tick = 0
          for (const { key, ahead, pause, remove } of steps) {
            tick += pause
            const slot = table.find(key, tick)
            const left = slot < 0 ? 0 : Math.max(0, table.ahead(slot, tick))
            expect(left).toBe(Math.max(0, (model.get(key) ?? tick) - tick))
            if (remove) {
              if (slot >= 0) table.remove(slot)
              model.delete(key)
            } else {
              if (slot >= 0) table.mark(slot, tick + ahead)
              else expect(table.insert(tick, tick + ahead, Infinity)).toBe(FREE)
              model.set(key, tick + ahead)
            }
          }
        }),
        { numRuns: 200 },
      )
    })

    it.each([1, 2, 3, 7, 10, 50, 100, 1000, 5000])('has room for all of %i keys', (capacity) => {
      for (let round = 0; round < 3; round++) {
        const table = make(capacity)
        for (let i = 0; i < capacity; i++) {
          expect(table.find(`${round}-${i}`, 1)).toBe(-1)
          expect(table.insert(1, 1000, Infinity)).toBe(FREE)
        }
        for (let i = 0; i < capacity; i++) {
          expect(table.find(`${round}-${i}`, 1)).toBeGreaterThanOrEqual(0)
        }
        expect(table.size).toBe(capacity)
        table.find('one more', 1)
        expect(table.insert(1, 1000, Infinity)).toBe(EVICTED)
        table.find('and one', 1)
        expect(table.insert(1, 1000, 500)).toBe(REFUSED)
        expect(table.size).toBe(capacity)
      }
    })

    it('forgets passed marks before anybody has to give way', () => {
      const table = make(1000)
      for (let i = 0; i < 1000; i++) {
        table.find(`old-${i}`, 0)
        table.insert(0, 100, Infinity)
      }
      for (let i = 0; i < 900; i++) {
        table.find(`new-${i}`, 200)
        expect(table.insert(200, 300, Infinity)).toBe(FREE)
      }
    })
  })
}

describe('compact table', () => {
  it('holds a million keys in less than 10 MB, every one of them', () => {
    const table = new CompactTable(1_000_000, false, 0)
    for (let i = 0; i < 1_000_000; i++) {
      if (table.find(`user-${i}`, 0) < 0) table.insert(0, 1000 + i, Infinity)
    }
    expect(table.bytes).toBeLessThan(10e6)
    let wrong = 0
    for (let i = 0; i < 1_000_000; i++) {
      const slot = table.find(`user-${i}`, 0)
      if (slot < 0 || table.ahead(slot, 0) !== 1000 + i) wrong++
    }
    // 0.3 % for one mix-up; three of them would be a bug.
    expect(wrong).toBeLessThanOrEqual(2)
  })
})

describe('compact ledger', () => {
  const ledgers = (rule: ReturnType<typeof tokenBucket>, clock: ManualClock): [Ledger, Ledger] => [
    new CompactLedger(rule, rule.drain as Drain, 100, clock),
    new RecordLedger(rule, clock, 100),
  ]

  it('answers as the rule itself does, over random traces', () => {
    const step = fc.record({
      move: fc.constantFrom('reserve', 'reserve', 'reserve', 'wait', 'refund', 'peek'),
      key: fc.constantFrom('a', 'b', 'c'),
      cost: fc.integer({ min: 1, max: 10 }),
      pause: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 })),
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 1000 }),
        fc.constantFrom(1, 60, 86_400, 40 * 86_400),
        fc.array(step, { maxLength: 100 }),
        (rate, per, steps) => {
          const clock = new ManualClock('1h')
          // The time between two tokens is a whole number of milliseconds, so that no verdict hangs on a rounding.
          const interval = Math.max(1, Math.round((per * 1000) / rate))
          const rule = tokenBucket({ rate: 10, per: (interval * 10) / 1000 })
          const [compact, plain] = ledgers(rule, clock)
          for (const { move, key, cost, pause } of steps) {
            clock.advance((pause * interval) / 1000 / 100)
            for (const ledger of [compact, plain]) if (move === 'refund') ledger.refund(key, cost)
            if (move === 'refund') continue
            const horizon = move === 'wait' ? interval * 5000 : 0
            const answer = (ledger: Ledger) =>
              move === 'peek' ? ledger.peek(key, cost) : ledger.reserve(key, cost, horizon)
            const [a, b] = [answer(compact), answer(plain)]
            expect(a >= 0).toBe(b >= 0)
            // Waits are told in steps of a millisecond at most.
            expect(Math.abs(a - b)).toBeLessThanOrEqual(1000)
            expect(Math.floor(compact.judged.remaining())).toBe(
              Math.floor(plain.judged.remaining()),
            )
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('keeps exact count over a million calls at a rate whose interval is no whole number', () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.tokenBucket({ rate: 3, per: 1, clock })
    let admitted = 0
    for (let i = 0; i < 1_000_000; i++) {
      if (limiter.allow('k')) admitted++
      clock.advance(0.01)
    }
    // 10,000 seconds of 3 a second, and the burst of 3; the last tick has not come.
    expect(admitted).toBe(3 * 10_000 + 2)
  })

  it('goes over from few keys to many and forgets none', async () => {
    const storage = new MemoryStorage({ maxKeys: 20_000 })
    const limiter = LimiterFactory.tokenBucket({ rate: 2, per: '1h', storage })
    for (let i = 0; i < 20_000; i++) expect(limiter.allow(`k${i}`, 2)).toBe(true)
    for (let i = 0; i < 20_000; i++) expect(limiter.allow(`k${i}`)).toBe(false)
    expect(storage.size).toBe(20_000)
    expect((await limiter.getStats()).evicted).toBe(0)
  })

  it('reconfigures many keys without losing what they used', async () => {
    for (const change of [{ rate: 20 }, { burst: 1000 }, { per: '90d' as const }, { rate: 1e6 }]) {
      const clock = new ManualClock('1h')
      const storage = new MemoryStorage({ maxKeys: 10_000, clock })
      const limiter = LimiterFactory.tokenBucket({ rate: 10, per: '1h', burst: 10, storage })
      for (let i = 0; i < 6000; i++) limiter.allow(`k${i}`, 1 + (i % 9))
      await limiter.reconfigure(change)
      const { limit } = await limiter.getStats()
      for (let i = 0; i < 6000; i++) {
        expect((await limiter.peek(`k${i}`)).remaining).toBe(limit - 1 - (i % 9))
      }
    }
  })

  it('a bucket that becomes smaller keeps what was used of the larger one, however far ahead that lies', async () => {
    for (const [rate, burst, keys] of [
      [10, 1000, 6000],
      // Of so large a bucket 32 bits hold twice its size, and of the small one much less than was used of the large one.
      [1000, 5e5, 6000],
      [1000, 5e5, 6],
      [1e6, 1e9, 6000],
    ] as const) {
      const clock = new ManualClock('1h')
      const storage = new MemoryStorage({ maxKeys: 10_000, clock })
      const limiter = LimiterFactory.tokenBucket({ rate, per: '1s', burst, storage })
      const used = (i: number) => burst * 0.9 - (i % 9)
      for (let i = 0; i < keys; i++) limiter.allow(`k${i}`, used(i))
      await limiter.reconfigure({ burst: 10 })
      for (let i = 0; i < keys; i++) {
        const { remaining, retryAfter } = await limiter.peek(`k${i}`)
        expect(remaining).toBe(0)
        expect(retryAfter).toBeCloseTo((used(i) - 9) / rate, 4)
      }
      expect((await limiter.peek('new')).remaining).toBe(10)
      clock.advance('10s')
      for (let i = 0; i < keys; i += 97) {
        expect((await limiter.peek(`k${i}`)).retryAfter).toBeCloseTo((used(i) - 9) / rate - 10, 4)
      }
      await limiter.reconfigure({ burst })
      for (let i = 0; i < keys; i++) {
        expect((await limiter.peek(`k${i}`)).remaining).toBe(burst - used(i) + 10 * rate)
      }
    }
  })

  it('what all share without room drains at the old rate until the change, too', async () => {
    const clock = new ManualClock('1h')
    const slow = tokenBucket({ rate: 1, per: '1s', burst: 10 })
    for (const ledger of [
      new CompactLedger(slow, slow.drain as Drain, 1, clock),
      new RecordLedger(slow, clock, 1),
    ]) {
      for (const key of ['a', 'b']) ledger.reserve(key, 10, 0)
      clock.advance('900ms')
      ledger.reconfigure(tokenBucket({ rate: 2, per: '1s', burst: 10 }))
      expect(ledger.peek('b', 1)).toBe(-50_000)
    }
  })

  it('drains at the old rate until the change and at the new rate after it', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1s', burst: 10, clock })
    limiter.allow('k', 10)
    clock.advance('4s')
    await limiter.reconfigure({ rate: 2 })
    expect((await limiter.peek('k')).remaining).toBe(4)
    clock.advance('2s')
    expect((await limiter.peek('k')).remaining).toBe(8)
  })

  it('keeps apart what is over and what is to come for as long as one likes', () => {
    const clock = new ManualClock()
    const storage = new MemoryStorage({ clock, maxKeys: 10_000 })
    const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1s', storage })
    for (let i = 0; i < 5000; i++) limiter.allow(`k${i}`, 100)
    // Far past the wrap of 32 bits, at every kind of distance.
    for (const pause of [0.9, 1, 3, 7.5, 9, 100, 86_400, 40 * 86_400]) {
      clock.advance(pause)
      for (let i = 0; i < 5000; i += 97) {
        const { remaining } = limiter.decide(`k${i}`, 1)
        expect(remaining).toBe(pause < 1 ? 89 : 99)
        limiter.allow(`k${i}`, remaining)
      }
      clock.advance('1s')
    }
  })
})

describe('a flood of new keys', () => {
  for (const [name, make] of Object.entries({
    tokenBucket: LimiterFactory.tokenBucket,
    slidingWindow: LimiterFactory.slidingWindow,
    fixedWindow: LimiterFactory.fixedWindow,
  })) {
    it.each([100, 10_000])(
      `${name}: never frees the exhausted, with room for %i`,
      async (maxKeys) => {
        const storage = new MemoryStorage({ maxKeys, clock: new ManualClock() })
        const limiter = make({ rate: 10, per: '1h', storage })
        for (let i = 0; i < 50; i++) limiter.allow(`exhausted-${i}`, 10)
        for (let i = 0; i < 5 * maxKeys; i++) expect(limiter.allow(`flood-${i}`)).toBe(true)
        for (let i = 0; i < 50; i++) expect(limiter.allow(`exhausted-${i}`)).toBe(false)
        expect(storage.size).toBeLessThanOrEqual(maxKeys)
      },
    )

    it(`${name}: when all are exhausted, newcomers share one state, until there is room`, async () => {
      const clock = new ManualClock()
      const storage = new MemoryStorage({ maxKeys: 100, clock })
      const limiter = make({ rate: 10, per: '1h', storage })
      for (let i = 0; i < 100; i++) limiter.allow(`exhausted-${i}`, 10)
      let admitted = 0
      for (let i = 0; i < 1000; i++) if (limiter.allow(`newcomer-${i}`)) admitted++
      expect(admitted).toBe(10)
      expect(await limiter.getStats()).toMatchObject({ keys: 100, evicted: 0, crowded: 10 })
      for (let i = 0; i < 100; i++) expect(limiter.allow(`exhausted-${i}`)).toBe(false)
      clock.advance('1h')
      for (let i = 0; i < 50; i++) expect(limiter.allow(`later-${i}`, 10)).toBe(true)
    })
  }
})
