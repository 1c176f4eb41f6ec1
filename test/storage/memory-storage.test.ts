import { MemoryStorage } from 'aioflux'
import { ManualClock, storageExam } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

describe('memory storage', () => {
  const exam = storageExam(() => {
    const clock = new ManualClock('1h')
    return {
      storage: new MemoryStorage({ clock }),
      clock,
      advance: (duration) => clock.advanceAsync(duration),
    }
  })
  for (const law of exam) it(law.name, () => law.run())

  it('forgets the value that was used least recently when there are too many', async () => {
    const storage = new MemoryStorage({ maxKeys: 2 })
    await storage.set('a', 1)
    await storage.set('b', 2)
    await storage.get('a')
    await storage.set('c', 3)
    expect([await storage.get('a'), await storage.get('b'), await storage.get('c')]).toEqual([
      1,
      undefined,
      3,
    ])
    expect(storage.size).toBe(2)
  })

  it('answers CLOSED after close, twice over', async () => {
    const storage = new MemoryStorage()
    await storage.close()
    await storage.close()
    await expect(storage.get('a')).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it.each([0, -1, 1.5, Number.NaN, Infinity, '10'])('refuses maxKeys %s', (maxKeys) => {
    expect(() => new MemoryStorage({ maxKeys: maxKeys as number })).toThrow(/maxKeys/)
  })

  it.each([0, -1, '10', Number.NaN])('refuses the ttl %s', async (ttl) => {
    await expect(new MemoryStorage().set('a', 1, ttl as number)).rejects.toThrow(/ttl/)
  })
})
