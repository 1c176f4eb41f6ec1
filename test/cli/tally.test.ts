import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyTally } from '../../src/cli/judging/key-tally.ts'
import { parseLimit } from '../../src/cli/judging/limit.ts'
import { MOST_BUCKETS, Timeline } from '../../src/cli/judging/timeline.ts'
import { barsDown, barsUp } from '../../src/terminal/plot.ts'

const verdict = (key: string, time: number, allowed: boolean) => ({
  key,
  time,
  cost: 1,
  allowed,
  deniedBy: allowed ? -1 : 0,
})

describe('KeyTally', () => {
  const limits = [parseLimit('2/1s', 'token-bucket', undefined)]

  it('stays bounded, keeps the worst hit and loses no request', () => {
    const tally = new KeyTally(limits, 100)
    for (let i = 0; i < 20; i++) tally.add(verdict('worst', i, i < 5))
    for (let i = 0; i < 10_000; i++) tally.add(verdict(`key ${i}`, 100 + i, true))
    const kept = tally.top(Infinity)
    expect(kept.length).toBeLessThanOrEqual(100)
    expect(kept[0]).toMatchObject({ key: 'worst', requests: 20, denied: 15 })
    const sum = kept.reduce((total, { requests }) => total + requests, tally.others.requests)
    expect(sum).toBe(10_020)
    expect(tally.seen).toBe(10_001)
    expect(tally.others.keys + kept.length).toBe(10_001)
  })

  it('tells the burst that was needed: a bucket of it denies nothing, of one less something', () => {
    // Steps in which whole tokens come, and just short of them: what is needed is often just reached, or just missed.
    const steps = fc.tuple(fc.nat(40), fc.nat(2)).map(([step, more]) => step * 500 + more)
    const times = fc.array(steps, { minLength: 1, maxLength: 60 })
    const rates = fc.constantFrom(1, 2, 3, 7, 14)
    fc.assert(
      fc.property(times, rates, (unsorted, rate) => {
        const sorted = [...unsorted].sort((a, b) => a - b)
        const tally = new KeyTally([parseLimit(`${rate}/7s`, 'token-bucket', undefined)])
        for (const time of sorted) tally.add(verdict('a', time, true))
        const { burst } = tally.neededBursts()[0]!
        expect(denies(sorted, rate, burst)).toBe(false)
        expect(denies(sorted, rate, burst - 1)).toBe(true)
      }),
    )
  })

  /** In whole numbers: a token is 7000 units, and `rate` of them come every millisecond. */
  function denies(times: number[], rate: number, burst: number): boolean {
    let units = BigInt(burst) * 7000n
    let before = times[0]!
    return times.some((time) => {
      units += BigInt(time - before) * BigInt(rate)
      if (units > BigInt(burst) * 7000n) units = BigInt(burst) * 7000n
      before = time
      units -= 7000n
      return units < 0n
    })
  }
})

describe('Timeline', () => {
  it('has few buckets however long the log, and loses nothing', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 500 })
    fc.assert(
      fc.property(gaps, (list) => {
        const timeline = new Timeline()
        let time = 1e12
        const times: number[] = []
        for (const gap of list) {
          time += gap
          timeline.add(time, gap % 3 !== 0)
          times.push(time)
        }
        const { buckets, start, width } = timeline
        expect(buckets.length).toBeLessThanOrEqual(MOST_BUCKETS)
        const denied = list.filter((gap) => gap % 3 === 0).length
        expect(buckets.reduce((sum, bucket) => sum + bucket.denied, 0)).toBe(denied)
        expect(buckets.reduce((sum, bucket) => sum + bucket.allowed, 0)).toBe(list.length - denied)
        const sums = buckets.map(() => 0)
        for (const at of times) sums[Math.floor((at - start) / width)]! += 1
        expect(buckets.map((bucket) => bucket.allowed + bucket.denied)).toEqual(sums)
      }),
    )
  })
})

describe('bars', () => {
  it('stand on the line below and show the least', () => {
    expect(barsUp([0, 0.001, 1, 1.5, 2], 1, 2)).toEqual(['   ▄█', ' ▁███'])
  })

  it('hang from the line above and show the least', () => {
    expect(barsDown([0, 0.001, 0.5, 1, 1.5], 1, 2)).toEqual([' ▔▀██', '    ▀'])
  })
})
