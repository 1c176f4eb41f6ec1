import { createLimiter, slidingWindow, tokenBucket } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { RecordLedger } from '../../src/storage/record-ledger.ts'

/** More than an HTTP server lets through in all its headers. */
const ATTACK = 'k'.repeat(16_384)
/** So many of those fit. */
const LONG = Math.floor(2 ** 25 / (ATTACK.length - 256))

describe('record ledger', () => {
  it('keeps small states that are over while there are few, and no others', () => {
    const clock = new ManualClock()
    const small = new RecordLedger(tokenBucket({ rate: 10 }), clock)
    const lists = new RecordLedger(slidingWindow({ rate: 10 }), clock)
    for (const ledger of [small, lists]) {
      for (let i = 0; i < 1000; i++) ledger.reserve(`k${i}`, 1, 0)
      clock.advance('1m')
      for (let i = 0; i < 1000; i++) ledger.reserve(`later ${i}`, 1, 0)
    }
    expect(small.size).toBe(2000)
    expect(lists.size).toBeLessThan(1100)
  })

  it('forgets what is over once there are many', () => {
    const clock = new ManualClock()
    const ledger = new RecordLedger(tokenBucket({ rate: 10 }), clock)
    for (let i = 0; i < 20_000; i++) ledger.reserve(`k${i}`, 1, 0)
    expect(ledger.size).toBe(20_000)
    clock.advance('1m')
    for (let i = 0; i < 20_000; i++) ledger.reserve(`later ${i}`, 1, 0)
    expect(ledger.size).toBeLessThan(20_100)
    expect(ledger.evicted).toBe(0)
    for (let i = 0; i < 20_000; i++) ledger.reserve(`later ${i}`, 9, 0)
    for (let i = 0; i < 20_000; i++) expect(ledger.reserve(`later ${i}`, 1, 0)).toBeLessThan(0)
  })

  it('keeps only so much of long keys: more of them share one state, and nobody else is touched', () => {
    const clock = new ManualClock()
    const ledger = new RecordLedger(tokenBucket({ rate: 10, per: '1h' }), clock)
    for (let i = 0; i < 100; i++) ledger.reserve(`user ${i}`, 5, 0)
    for (let i = 0; i < LONG; i++) ledger.reserve(ATTACK + i, 1, 0)
    const held = ledger.size
    expect(held).toBeGreaterThan(LONG - 10)
    let granted = 0
    for (let i = 0; i < 500; i++) if (ledger.reserve(`more ${ATTACK}${i}`, 1, 0) >= 0) granted++
    expect(granted).toBeLessThanOrEqual(20)
    expect(ledger.size).toBeLessThanOrEqual(held + 1)
    expect(ledger.crowded).toBeGreaterThan(0)
    expect(ledger.evicted).toBe(0)
    expect(ledger.peek(`more ${ATTACK}again`, 1)).toBeLessThan(0)
    for (let i = 0; i < 100; i++) expect(ledger.reserve(`user ${i}`, 6, 0)).toBeLessThan(0)
    for (let i = 0; i < 100; i++) expect(ledger.reserve(`new user ${i}`, 10, 0)).toBe(0)
    // Long keys that are over are forgotten, however few keys there are.
    clock.advance('1h')
    for (let i = 0; i < 50; i++) ledger.reserve(`passer-by ${i}`, 1, 0)
    for (let i = 0; i < 20; i++) expect(ledger.reserve(`later ${ATTACK}${i}`, 10, 0)).toBe(0)
  })

  it('drains at the old rate until a change and at the new rate after it, also what was used of a larger one', async () => {
    const clock = new ManualClock()
    const limiter = createLimiter(tokenBucket({ rate: 1, per: '1s', burst: 10 }), { clock })
    limiter.allow('k', 10)
    clock.advance('4s')
    await limiter.reconfigure({ rate: 2 })
    expect((await limiter.peek('k')).remaining).toBe(4)
    clock.advance('2s')
    expect((await limiter.peek('k')).remaining).toBe(8)
    limiter.allow('k', 8)
    await limiter.reconfigure({ burst: 2 })
    clock.advance('4s')
    expect((await limiter.peek('k')).remaining).toBe(0)
    clock.advance('1s')
    expect((await limiter.peek('k')).remaining).toBe(2)
  })

  it('a key that was reset is as one that was never seen', async () => {
    const clock = new ManualClock()
    for (const rule of [
      tokenBucket({ rate: 2, per: '1h' }),
      slidingWindow({ rate: 2, per: '1h' }),
    ]) {
      const limiter = createLimiter(rule, { clock })
      limiter.allow('k', 2)
      await limiter.block('k', '1d')
      await limiter.reset('k')
      expect(limiter.decide('k')).toMatchObject({ allowed: true, remaining: 1 })
    }
  })
})
