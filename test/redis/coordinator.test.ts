import { Coordinator } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { lease } from '../../src/rules/lease.ts'
import { coordinatorExam } from '../exams/coordinator-exam.ts'
import { clients, libraries, type OpenClient } from '../support/clients.ts'
import { sleep } from '../support/time.ts'

const STEP = 0.5
let count = 0

describe.each(libraries)('coordinator over Redis, %s', (library) => {
  const open: OpenClient[] = []
  beforeAll(async () => {
    const url = inject('redisUrl')
    open.push(await clients[library](url), await clients[library](url))
  })
  afterAll(() => {
    for (const { end } of open) end()
  })
  const exam = coordinatorExam(async () => {
    const clock = new ManualClock('1h')
    const prefix = `coordinator-${process.pid}-${library}-${count++}`
    const [a, b] = open.map(({ client }) => new RedisStorage({ client, clock, prefix }))
    const make = (storage: RedisStorage) => new Coordinator({ storage, clock })
    return {
      a: make(a as RedisStorage),
      b: make(b as RedisStorage),
      clock,
      advance: async (seconds) => {
        for (let left = seconds; left > 1e-9; left -= STEP) {
          await clock.advanceAsync(Math.min(STEP, left))
          // What was sent is answered in real time.
          await (a as RedisStorage).exists('')
          await (b as RedisStorage).exists('')
        }
      },
      forget: async (name) => {
        await a?.open(lease(), 'lease').run('reset', name, 0, 0)
      },
    }
  })
  it.each([[['x']], [['x', 'y']]])(
    'callers of a busy process let another one go first: %j',
    async (names) => {
      const prefix = `coordinator-${process.pid}-${library}-${count++}`
      const [busy, other] = open.map(
        ({ client }) => new Coordinator({ storage: new RedisStorage({ client, prefix }) }),
      ) as [Coordinator, Coordinator]
      let turns = 0
      let over = false
      const callers = Array.from({ length: 5 }, async () => {
        while (!over && turns < 5000) {
          await using _ = await busy.lock(names)
          turns += 1
        }
      })
      await expect.poll(() => turns).toBeGreaterThan(50)
      const waits: number[] = []
      for (let i = 0; i < 20; i++) {
        const before = turns
        await using _ = await other.lock(names)
        waits.push(turns - before)
      }
      over = true
      await Promise.all(callers)
      await Promise.all([busy.close(), other.close()])
      // Up to 16 before it is told, and as many while it was being told of the first time.
      expect(Math.max(...waits)).toBeLessThanOrEqual(40)
    },
  )

  it('processes that wait for several locks of different slots ask once for each that comes free', async () => {
    const prefix = `coordinator-${process.pid}-${library}-${count++}`
    let calls = 0
    class Slots extends RedisStorage {
      override joins(keys: readonly string[]): boolean {
        calls += 1
        return keys.length === 1
      }
    }
    const [holder, a, b] = [0, 1, 1].map(
      (i) =>
        new Coordinator({
          storage: new Slots({ client: (open[i] as OpenClient).client, prefix }),
        }),
    ) as [Coordinator, Coordinator, Coordinator]
    const held = await holder.lock('y')
    const waits = [a, b].map(async (one) => (await one.lock(['x', 'y'])).release())
    await sleep(300)
    const before = calls
    await sleep(300)
    expect(calls).toBe(before)
    const began = performance.now()
    await held.release()
    await Promise.all(waits)
    expect(performance.now() - began).toBeLessThan(1000)
    await Promise.all([holder.close(), a.close(), b.close()])
  })

  for (const law of exam) it(law.name, () => law.run())
})
