import { describe, expect, it } from 'vitest'
import { HeldClaims } from '../../src/queues/consume/held-claims.ts'
import type { Claim, JobDraft } from '../../src/queues/store/job-store.ts'
import { PlainJobStore } from '../../src/testing/job-store/plain-job-store.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

const turns = async (count = 5) => {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

const DRAFT: JobDraft<string> = {
  id: undefined,
  item: 'one',
  priority: 0,
  group: undefined,
  groupWeight: undefined,
  limiterKey: undefined,
  cost: 1,
  delay: 0,
  at: undefined,
  terms: undefined,
  unique: undefined,
  awaited: false,
}

describe('the claims that a process holds', () => {
  it('are lost where their job is claimed again before that is known', async () => {
    const clock = new ManualClock()
    const store = new PlainJobStore<string>({ clock })
    const lost: [id: string, delivery: number][] = []
    const held = new HeldClaims(store, clock, 1000, {
      lost: (id, delivery) => {
        lost.push([id, delivery])
        held.lose(id)
      },
      settled: () => {},
      trouble: () => {},
    })
    const claimed = async () => {
      const [claim] = (await store.claim(1, 1000)) as [Claim<string>]
      return claim
    }
    await store.insert([DRAFT], { maxSize: 10, overflow: 'refuse' })
    const first = await claimed()
    held.hold(first)
    held.close()
    await clock.advanceAsync(3)
    const second = await claimed()
    expect([second.record.id, second.delivery]).toEqual([first.record.id, 2])
    held.hold(second)
    expect(lost).toEqual([[first.record.id, 1]])
    expect([held.size, held.leave(first), held.leave(second)]).toEqual([1, false, true])
    expect(clock.timers).toBe(0)
  })

  it.each(['first', 'last'] as const)(
    'are under way by claim: one is ending while another one of its job is answered, the older one %s',
    async (answered) => {
      const clock = new ManualClock()
      let answers: (() => void)[] = []
      let late = false
      const store = new PlainJobStore<string>({
        clock,
        latency: () => (late ? new Promise<void>((go) => answers.push(go)) : Promise.resolve()),
      })
      const held = new HeldClaims(store, clock, 30_000, {
        lost: () => {},
        settled: () => {},
        trouble: () => {},
      })
      const claimed = async () => {
        const [claim] = (await store.claim(1, 30_000)) as [Claim<string>]
        held.hold(claim)
        return claim
      }
      /** Tells the store, and gives what lets its answer come. */
      const settling = async (claim: Claim, ending: Parameters<typeof held.settle>[1]) => {
        late = true
        expect(held.leave(claim)).toBe(true)
        void held.settle(claim, ending, undefined)
        for (const go of answers.splice(0)) go()
        await turns()
        const [answer] = answers
        answers = []
        late = false
        return answer as () => void
      }
      await store.insert([DRAFT], { maxSize: 10, overflow: 'refuse' })
      const first = await claimed()
      const { id } = first.record
      const given = await settling(first, { outcome: 'released', delay: 0 })
      const second = await claimed()
      expect(second.record.id).toBe(id)
      const ended = await settling(second, { outcome: 'completed', value: 1 })
      expect(held.settling).toBe(2)
      const inOrder = answered === 'first' ? [given, ended] : [ended, given]
      inOrder[0]?.()
      await turns()
      expect([held.has(id), held.settling]).toEqual([true, 1])
      inOrder[1]?.()
      await turns()
      expect([held.has(id), held.settling]).toEqual([false, 0])
      held.close()
      expect(clock.timers).toBe(0)
    },
  )
})
