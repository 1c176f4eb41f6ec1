import { LimiterFactory, MemoryStorage } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { fleetExam } from '../exams/fleet-exam.ts'
import { LateStorage, SharedStates } from '../support/late-storage.ts'

describe('an adaptive limiter alone', () => {
  fleetExam(() => undefined, { processes: 1, seeds: [1, 11, 12] })
})

describe('adaptive limiters that share a memory', () => {
  const storages = new Map<string, MemoryStorage>()
  fleetExam(
    (clock, fleet) => {
      const storage = storages.get(fleet) ?? new MemoryStorage({ clock })
      storages.set(fleet, storage)
      return storage
    },
    { seeds: [1, 11, 12] },
  )
})

describe('adaptive limiters of many processes', () => {
  const shared = new Map<string, SharedStates>()
  fleetExam(
    (clock, fleet) => {
      const states = shared.get(fleet) ?? new SharedStates(clock)
      shared.set(fleet, states)
      return new LateStorage(states, clock)
    },
    { seeds: [1, 11, 12] },
  )

  it('take no plan of a call, no reconfiguring, and no reservation', async () => {
    const clock = new ManualClock('1h')
    const storage = new LateStorage(new SharedStates(clock), clock)
    const limiter = LimiterFactory.adaptive({ storage, clock })
    await expect(limiter.consume('', { quota: { rate: 1 } })).rejects.toThrow(/quota/)
    await expect(limiter.reconfigure({ rate: 1 })).rejects.toThrow(
      /^quota cannot be changed: an adaptive limiter sets its own rate/,
    )
    await expect(limiter.reserve('', 1)).rejects.toThrow(/adaptive/)
    expect(limiter.name).toBe('adaptive')
  })
})
