import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FetchCredits, MOST } from '../../src/queues/consume/fetch-credits.ts'

const times = (credits: FetchCredits, time: number) => {
  for (let i = 0; i < 200; i++) credits.took(time)
}

/** Asks until it may ask no more. Returns how many claims are held then, and how many each call asked for. */
function fill(
  credits: FetchCredits,
  atOnce: number,
  ahead = true,
): { held: number; calls: number[] } {
  const calls: number[] = []
  let held = 0
  for (let next = credits.next(atOnce, ahead, held); next >= 1; ) {
    calls.push(next)
    held += next
    next = credits.next(atOnce, ahead, held)
  }
  return { held, calls }
}

describe('how many claims are fetched ahead', () => {
  it('is none at first, where attempts are slow, and where it is not allowed', () => {
    const credits = new FetchCredits()
    expect(fill(credits, 50).held).toBe(50)
    times(credits, 5.1)
    expect(fill(credits, 50).held).toBe(50)
    times(credits, 0)
    expect(fill(credits, 50, false).held).toBe(50)
  })

  it('is what is done in 10 ms, in three calls', () => {
    const credits = new FetchCredits()
    times(credits, 2)
    const { held, calls } = fill(credits, 50)
    expect(held).toBeCloseTo(250, -1)
    expect(calls).toHaveLength(3)
    times(credits, 0)
    expect(fill(credits, 50)).toEqual({ held: 512, calls: [171, 171, 170] })
    expect(fill(credits, 1).held).toBe(512)
    expect(fill(credits, 200).held).toBe(600)
  })

  it('is none again once claims have waited too long', () => {
    const credits = new FetchCredits()
    times(credits, 0)
    credits.slow()
    expect(fill(credits, 50).held).toBe(50)
  })

  it('never asks for more in one call than a trip carries, nor holds more than 512 or three times the workers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { maxLength: 50 }),
        fc.boolean(),
        (atOnce, took, ahead) => {
          const credits = new FetchCredits()
          for (const time of took) credits.took(time)
          const { held, calls } = fill(credits, atOnce, ahead)
          expect(held).toBeGreaterThanOrEqual(atOnce)
          expect(held).toBeLessThanOrEqual(Math.max(512, 3 * atOnce))
          for (const call of calls) expect(call).toBeLessThanOrEqual(MOST)
        },
      ),
    )
  })
})
