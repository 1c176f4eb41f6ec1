import { expect, it, vi } from 'vitest'
import { at } from '../../src/core/clock.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

it('a time that lies between two moments of the clock is reached', () => {
  const clock = new ManualClock(1)
  for (const fraction of [1e-7, 5e-7, 9.9e-7, 4e-4]) {
    const run = vi.fn()
    at(clock, clock.now() + 5 + fraction, run)
    clock.advance('6ms')
    expect(run).toHaveBeenCalledTimes(1)
  }
})

it('the date goes on with the clock, and jumps when it is set', () => {
  const clock = new ManualClock(5)
  clock.setWall('2026-01-01T00:00:00Z')
  clock.advance('1.5s')
  expect(new Date(clock.wall()).toISOString()).toBe('2026-01-01T00:00:01.500Z')
  clock.setWall(0)
  expect([clock.wall(), clock.now()]).toEqual([0, 6500])
})
