import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { atPlan, everyPlan } from '../../src/schedule/plan.ts'
import { Timetable } from '../../src/schedule/timetable.ts'

const timetable = (period = 10, tolerance = 2, catchUp = true) =>
  new Timetable(everyPlan(period, 0, true), tolerance, catchUp)

describe('a timetable', () => {
  it('fires each slot on time, once', () => {
    const table = timetable()
    table.begin(3)
    expect(table.next).toBe(10)
    expect(table.due(9.9)).toBeUndefined()
    expect(table.due(11)).toMatchObject({ slot: 10, fire: true, late: false, missed: 0 })
    expect(table.due(11)).toBeUndefined()
    expect(table.next).toBe(20)
  })

  it('counts slots that passed unnoticed, and runs once for all of them', () => {
    const table = timetable()
    table.begin(0)
    expect(table.due(55)).toEqual({
      slot: 50,
      first: 10,
      fire: true,
      late: true,
      missed: 5,
      more: false,
    })
    expect(table.next).toBe(60)
  })

  it('or for none of them', () => {
    const table = timetable(10, 2, false)
    table.begin(0)
    expect(table.due(55)).toMatchObject({ slot: 50, fire: false, missed: 5 })
    expect(table.next).toBe(60)
  })

  it('a slot that is on time is run, and only those before it were missed', () => {
    for (const catchUp of [true, false]) {
      const table = timetable(10, 2, catchUp)
      table.begin(0)
      expect(table.due(52)).toMatchObject({ slot: 50, fire: true, late: false, missed: 4 })
    }
  })

  it('fires no slot again when the date is set back', () => {
    const table = timetable()
    table.begin(0)
    for (const now of [10, 20, 30]) expect(table.due(now)?.slot).toBe(now)
    expect(table.due(12)).toBeUndefined()
    expect(table.next).toBe(40)
    expect(table.due(31)).toBeUndefined()
    expect(table.due(40)?.slot).toBe(40)
  })

  it('remembers a thousand slots in a row as well as one', () => {
    const table = timetable()
    table.begin(0)
    for (let now = 10; now <= 10_000; now += 10) table.due(now)
    expect(table.due(15)).toBeUndefined()
    expect(table.next).toBe(10_010)
  })

  it('a date that was far ahead by mistake does not silence the job until then', () => {
    const table = timetable()
    table.begin(0)
    table.due(10)
    expect(table.due(1_000_000)?.slot).toBe(1_000_000)
    table.due(15)
    expect(table.next).toBe(20)
    expect(table.due(20)).toMatchObject({ slot: 20, fire: true })
  })

  it('goes on after the slot that was fired last before a restart', () => {
    const table = timetable()
    table.begin(35, 10)
    expect(table.due(35)).toMatchObject({ slot: 30, first: 20, missed: 2, fire: true })
  })

  it('a single date is fired once, also when it has passed before the start', () => {
    const table = new Timetable(atPlan(100), 2, true)
    table.begin(500)
    expect(table.due(500)).toMatchObject({ slot: 100, late: true, missed: 1, fire: true })
    expect(table.next).toBeUndefined()
    expect(table.due(50)).toBeUndefined()
    expect(table.next).toBeUndefined()
  })

  it('fires no slot twice and none early, and none of the last too late, wherever the date jumps', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -200, max: 200 }), { maxLength: 14 }),
        fc.boolean(),
        (jumps, catchUp) => {
          const table = timetable(10, 3, catchUp)
          const fired: number[] = []
          let now = 1000
          table.begin(now)
          const look = () => {
            const due = table.due(now)
            if (due === undefined) return
            expect(due.slot).toBeLessThanOrEqual(now)
            expect(due.slot % 10).toBe(0)
            if (due.fire) {
              expect(due.late).toBe(now - due.slot > 3)
              fired.push(due.slot)
            }
          }
          for (const jump of jumps) {
            now += jump
            look()
            for (let i = 0; i < 25; i++) {
              now += 1
              look()
            }
          }
          expect(new Set(fired).size).toBe(fired.length)
          // Whatever happened before: slots that nobody has seen are fired from here on.
          const before = fired.length
          now = Math.max(now, ...fired) + 1
          look()
          const caughtUp = fired.length
          for (let i = 0; i < 100; i++) {
            now += 1
            look()
          }
          expect(fired.length - caughtUp).toBe(10)
          expect(caughtUp - before).toBeLessThanOrEqual(1)
        },
      ),
    )
  })
})

describe('every', () => {
  it('finds the slot next to any time, for any period', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e7, noNaN: true }),
        fc.double({ min: 0, max: 1e12, noNaN: true }),
        fc.double({ min: 0, max: 1e10, noNaN: true }),
        (period, anchor, offset) => {
          const plan = everyPlan(period, anchor, false)
          const now = anchor + offset
          const next = plan.next(now) as number
          expect(next).toBeGreaterThan(now)
          expect(next - now).toBeLessThanOrEqual(period * (1 + 1e-9) + 1e-3)
          expect(plan.next(next) as number).toBeGreaterThan(next)
          expect(plan.span(next, next)).toEqual({ last: next, count: 1, more: false })
        },
      ),
    )
  })
})
