import { Coordinator, MemoryStorage } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { lease } from '../../src/rules/lease.ts'
import { coordinatorExam } from '../exams/coordinator-exam.ts'

describe('coordinator over memory', () => {
  const exam = coordinatorExam(async () => {
    const clock = new ManualClock('1h')
    const storage = new MemoryStorage({ clock })
    const make = () => new Coordinator({ storage, clock })
    return {
      a: make(),
      b: make(),
      clock,
      advance: (seconds) => clock.advanceAsync(seconds),
      forget: async (name) => storage.open(lease(), 'lease').reset(name),
    }
  })
  for (const law of exam) it(law.name, () => law.run())

  it('an empty name is refused: it would be one lock for all that left theirs empty', async () => {
    const storage = new MemoryStorage()
    expect(() => new Coordinator({ storage, lockName: '' })).toThrow('lockName must not be empty')
    const coordinator = new Coordinator({ storage })
    await expect(coordinator.lock('')).rejects.toThrow('name must not be empty')
    await expect(coordinator.tryLock('')).rejects.toThrow('name must not be empty')
    await expect(coordinator.lock(['a', ''])).rejects.toThrow('names must not be empty')
    expect(coordinator.held()).toEqual([])
    await coordinator.close()
  })

  it('tells the leases it holds, that of its leadership among them', async () => {
    const coordinator = new Coordinator({ storage: new MemoryStorage(), lockName: 'billing' })
    expect(coordinator.held()).toEqual([])
    const lease = await coordinator.lock('invoice-1')
    await coordinator.acquireLeadership()
    expect(coordinator.held().flatMap(({ names }) => names)).toEqual(['invoice-1', 'billing'])
    await lease.release()
    expect(coordinator.held().map(({ token }) => token)).toEqual([coordinator.leadership?.token])
    await coordinator.close()
    expect(coordinator.held()).toEqual([])
  })
})
