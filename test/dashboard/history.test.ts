import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DashboardState } from '../../src/dashboard/state.ts'
import { History } from '../../src/dashboard/watch/history.ts'
import { UsualRanges } from '../../src/dashboard/watch/usual-ranges.ts'
import { emptyState } from './empty-state.ts'

const SECOND = 1000
const DAY = 86_400 * SECOND

/** A state in which one queue has waited for so long; `undefined` for one that cannot be asked. */
function state(at: number, oldest: number | undefined): DashboardState {
  const mails = oldest === undefined ? { oldest: 0, failure: 'away' } : { oldest, put: 1 }
  return { ...emptyState(at), queues: { mails: mails as never } }
}

function filled(keep: number, values: readonly (number | undefined)[], spacing = 5 * SECOND) {
  const history = new History(keep)
  for (const [i, value] of values.entries()) history.add(state(1e12 + i * spacing, value))
  return { history, end: 1e12 + (values.length - 1) * spacing }
}

describe('the samples of the past', () => {
  it('of half an hour are all there, and no more', () => {
    const { history, end } = filled(
      DAY,
      Array.from({ length: 1000 }, (_, i) => i),
    )
    const { times, series } = history.state(end)
    expect(times).toHaveLength(361)
    expect(times.at(-1)).toBe(end)
    expect(series['queue/mails']?.[0]?.at(-1)).toBe(999)
  })

  it('of longer show the highest of those that share a point: no short trouble is lost', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 3000 }),
        fc.constantFrom(10_800, 86_400),
        (values, seconds) => {
          const { history, end } = filled(DAY, values)
          const { times, series } = history.state(end, seconds * SECOND)
          const drawn = series['queue/mails']?.[0] as number[]
          expect(times.length).toBeLessThanOrEqual(361)
          expect(drawn).toHaveLength(times.length)
          const inside = values.slice(Math.max(0, values.length - 1 - seconds / 5))
          expect(Math.max(...drawn)).toBe(Math.max(...inside))
          for (const value of drawn) expect(values).toContain(value)
        },
      ),
      { numRuns: 30 },
    )
  })

  it('are forgotten in time, and what was not known stays unknown', () => {
    const { history, end } = filled(60 * SECOND, [...Array(11).fill(7), undefined, 3, undefined])
    const { times, series } = history.state(end)
    expect(times).toHaveLength(12)
    expect(series['queue/mails']?.[0]).toEqual([...Array(9).fill(7), null, 3, null])
  })
})

describe('the usual range', () => {
  const trouble = (since: number) =>
    ({ kind: 'queue', name: 'mails', code: 'behind', level: 'bad', since, exact: true }) as const

  it('is of the samples before the trouble alone, and stays when they are forgotten', () => {
    const calm = Array.from({ length: 100 }, (_, i) => i % 10)
    const { history } = filled(600 * SECOND, [...calm, ...Array(60).fill(500)])
    const since = 1e12 + 100 * 5 * SECOND
    const ranges = new UsualRanges(history)
    const [told] = ranges.add([trouble(since)])
    expect(told?.usual?.[0]).toEqual([0, 4, 8])
    for (let i = 160; i < 500; i++) history.add(state(1e12 + i * 5 * SECOND, 500))
    expect(ranges.add([trouble(since)])[0]?.usual?.[0]).toEqual([0, 4, 8])
    // Of another trouble nothing is known: all that is kept is of the first one.
    ranges.add([])
    expect(ranges.add([trouble(since)])[0]).not.toHaveProperty('usual')
  })

  it('is not told of two minutes or less', () => {
    const { history } = filled(DAY, Array(24).fill(1))
    const since = 1e12 + 24 * 5 * SECOND
    expect(new UsualRanges(history).add([trouble(since)])[0]).not.toHaveProperty('usual')
    expect(new UsualRanges(history).add([trouble(since + 5 * SECOND)])[0]?.usual?.[0]).toEqual([
      1, 1, 1,
    ])
  })
})
