import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LEAP, PROOF, Reorderer } from '../../../src/cli/reading/reorder.ts'

interface Item {
  time: number
  order: number
}

function reordered(items: Item[], window: number, mostHeld?: number) {
  const reorderer = new Reorderer<Item>(window, mostHeld)
  const out: Item[] = []
  for (const item of items) reorderer.push(item, out)
  reorderer.end(out)
  return { out, late: reorderer.late, reordered: reorderer.reordered, stray: reorderer.stray }
}

/** Records in the order of a file: each was at `began`, and stands where it ended, at most `window` later. */
const withinWindow = (window: number) =>
  fc.array(fc.tuple(fc.nat(1000), fc.nat(window)), { maxLength: 300 }).map((pairs) =>
    pairs
      .map(([time, lateness]) => ({ time, ended: time + lateness }))
      .sort((a, b) => a.ended - b.ended)
      .map(({ time }, order) => ({ time, order })),
  )

describe('Reorderer', () => {
  it('sorts what is no later than the window, ties in the order of the file', () => {
    fc.assert(
      fc.property(withinWindow(60), (items) => {
        const { out, late } = reordered(items, 60)
        const sorted = [...items].sort((a, b) => a.time - b.time || a.order - b.order)
        expect(out).toEqual(sorted)
        expect(late).toBe(0)
      }),
    )
  })

  it('loses none and doubles none, however late and however few it may hold', () => {
    const items = fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 300 })
    fc.assert(
      fc.property(items, fc.nat(50), fc.integer({ min: 1, max: 20 }), (times, window, most) => {
        const input = times.map((time, order) => ({ time, order }))
        const { out, late, reordered: moved } = reordered(input, window, most)
        expect(out.map(({ order }) => order).sort((a, b) => a - b)).toEqual(input.map((_, i) => i))
        const disordered = input.filter(({ time }, i) => time < Math.max(...times.slice(0, i)))
        expect(moved + late).toBe(disordered.length)
      }),
    )
  })

  it('holds no more than it may', () => {
    const reorderer = new Reorderer<Item>(1000, 10)
    const out: Item[] = []
    for (let i = 0; i < 1000; i++) {
      reorderer.push({ time: i % 7, order: i }, out)
      expect(i + 1 - out.length).toBeLessThanOrEqual(10)
    }
  })

  it('lets a record go when one a window later was seen', () => {
    const reorderer = new Reorderer<Item>(60, 100)
    const out: Item[] = []
    for (let order = 0; order < PROOF; order++) reorderer.push({ time: 0, order }, out)
    reorderer.push({ time: 59, order: PROOF }, out)
    expect(out).toEqual([])
    reorderer.push({ time: 60, order: PROOF + 1 }, out)
    expect(out).toHaveLength(PROOF)
  })

  it('leaves out what is a day ahead of its neighbours: first, last, and several in a row', () => {
    const log = fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 20, maxLength: 60 })
    const wrong = fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 1, maxLength: 4 })
    const equal = fc.boolean()
    fc.assert(
      fc.property(log, wrong, equal, fc.nat(60), (...drawn) => {
        const [times, ahead, alike, where] = drawn
        const at = Math.min(where, times.length)
        const last = at === times.length
        const steps = alike || last ? ahead.map(() => 0) : ahead
        const strays = steps.map((step) => 2 * LEAP + step)
        const all = [...times.slice(0, at), ...strays, ...times.slice(at)]
        const { out, stray } = reordered(
          all.map((time, order) => ({ time, order })),
          60_000,
        )
        expect(stray).toBe(strays.length)
        expect(out.map(({ time }) => time)).toEqual([...times].sort((a, b) => a - b))
      }),
    )
  })

  it('keeps every record of a log with gaps, however few its requests are', () => {
    const gaps = fc.array(fc.constantFrom(1000, 60_000, 2 * LEAP), { maxLength: 60 })
    fc.assert(
      fc.property(gaps, (steps) => {
        let time = 0
        // The gap comes twice at least: one that comes once, before the last record, is a wrong time.
        const times = [...steps, 2 * LEAP, 1000].map((step) => (time += step))
        const { out, stray, late } = reordered(
          times.map((at, order) => ({ time: at, order })),
          60_000,
        )
        expect({ stray, late }).toEqual({ stray: 0, late: 0 })
        expect(out.map((item) => item.time)).toEqual(times)
      }),
    )
    const weekly = Array.from({ length: 31 }, (_, order) => ({ time: order * 7 * LEAP, order }))
    for (let length = 0; length <= weekly.length; length++) {
      expect(reordered(weekly.slice(0, length), 60_000).stray).toBe(0)
    }
  })

  it('keeps a log whose beginning has a time that is too early', () => {
    for (const at of [0, 1, 5]) {
      const times: number[] = Array.from({ length: 30 }, (_, i) => 10 * LEAP + i)
      times.splice(at, 0, 0)
      const { out, stray } = reordered(
        times.map((time, order) => ({ time, order })),
        60_000,
      )
      expect(stray).toBe(0)
      expect(out).toHaveLength(31)
    }
  })
})
