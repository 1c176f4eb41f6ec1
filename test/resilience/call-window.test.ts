import fc from 'fast-check'
import { expect, it } from 'vitest'
import { callWindow } from '../../src/resilience/call-window-of.ts'
import { FAILED, SLOW } from '../../src/resilience/outcome.ts'

// Outcomes and the steps of the clock before each; a step back is a clock that was set back.
const calls = fc.array(
  fc.record({ outcome: fc.nat(3), step: fc.integer({ min: -300, max: 400 }), look: fc.boolean() }),
  { maxLength: 200 },
)

interface Counted {
  outcome: number
  period: number
}

function sums(counted: Counted[]) {
  return {
    calls: counted.length,
    failed: counted.filter(({ outcome }) => outcome & FAILED).length,
    slow: counted.filter(({ outcome }) => outcome & SLOW).length,
  }
}

it('the last n calls are counted as a list of all calls counts them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), calls, (size, trace) => {
      const window = callWindow({ calls: size })
      const all: Counted[] = []
      for (const { outcome } of trace) {
        window.record(outcome, 0)
        all.push({ outcome, period: 0 })
        expect({ ...window }).toMatchObject(sums(all.slice(-size)))
      }
      window.clear()
      expect({ ...window }).toMatchObject(sums([]))
      window.record(FAILED, 0)
      expect({ ...window }).toMatchObject({ calls: 1, failed: 1, slow: 0 })
    }),
  )
})

it('a time window counts the periods of the last ten tenths, whatever the clock does', () => {
  fc.assert(
    fc.property(fc.constantFrom(10, 100, 1000, 777), calls, (size, trace) => {
      const window = callWindow(size)
      const all: Counted[] = []
      let now = 1000
      let latest = -Infinity
      for (const { outcome, step, look } of trace) {
        now += step
        latest = Math.max(latest, Math.floor((now * 10) / size))
        if (look) {
          window.roll(now)
        } else {
          window.record(outcome, now)
          all.push({ outcome, period: latest })
        }
        expect({ ...window }).toMatchObject(sums(all.filter(({ period }) => period > latest - 10)))
      }
    }),
  )
})
