import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Reorderer } from '../../../src/cli/reading/reorder.ts'

interface Item {
  time: number
  order: number
}

function reordered(items: Item[], window: number, mostHeld?: number) {
  const reorderer = new Reorderer<Item>(window, mostHeld)
  const out: Item[] = []
  for (const item of items) reorderer.push(item, out)
  reorderer.end(out)
  return { out, late: reorderer.late, reordered: reorderer.reordered }
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
    reorderer.push({ time: 0, order: 0 }, out)
    reorderer.push({ time: 59, order: 1 }, out)
    expect(out).toEqual([])
    reorderer.push({ time: 60, order: 2 }, out)
    expect(out.map(({ order }) => order)).toEqual([0])
  })
})
