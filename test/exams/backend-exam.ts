import { describe, expect, it } from 'vitest'
import type { Backend } from '../../src/queues/backend.ts'
import { type JobOwner, QueuedJob } from '../../src/queues/job.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

const owner: JobOwner = { cancel: () => false, reprioritise: () => false, progressed: () => {} }
let seq = 0
const jobOf = (item: string, priority = 0) => new QueuedJob<string>(item, priority, ++seq, owner)

/**
 * What every backend must hold to, in this process or elsewhere.
 *
 * @param make a backend by priority, whose claims hold for 10 s
 */
export function backendExam(name: string, make: (clock: ManualClock) => Backend): void {
  const set = () => {
    const clock = new ManualClock()
    return { clock, backend: make(clock) }
  }

  describe(`${name} as a backend`, () => {
    it('hands out what was pushed once, best first, in lots', async () => {
      const { backend } = set()
      for (const [item, priority] of [
        ['a', 0],
        ['b', 1],
        ['c', 0],
        ['d', 1],
      ] as const) {
        expect(await backend.push(jobOf(item, priority), Infinity)).toBe(true)
      }
      expect((await backend.claim(3)).map((job) => job.item)).toEqual(['b', 'd', 'a'])
      expect((await backend.claim(3)).map((job) => job.item)).toEqual(['c'])
      expect(await backend.claim(3)).toEqual([])
      expect(await backend.counts()).toEqual({ waiting: 0, delayed: 0, active: 4 })
    })

    it('refuses a push without room, and tells when there is room again', async () => {
      const { backend } = set()
      let told = 0
      backend.onRoom(() => told++)
      await backend.push(jobOf('a'), 1)
      expect(await backend.push(jobOf('b'), 1)).toBe(false)
      expect(told).toBe(0)
      await backend.claim(1)
      expect(told).toBe(1)
    })

    it('wakes on a push, on a job that comes due, and on one that comes back', async () => {
      const { clock, backend } = set()
      let woken = 0
      const forget = backend.onWake(() => woken++)
      await backend.push(jobOf('a'), Infinity)
      expect(woken).toBeGreaterThan(0)
      const later = jobOf('b')
      later.more().due = clock.now() + 1000
      await backend.push(later, Infinity)
      woken = 0
      await clock.advanceAsync('1s')
      expect(woken).toBeGreaterThan(0)
      const [job] = await backend.claim(1)
      woken = 0
      await backend.settle(job as QueuedJob, 1, 'return', 0)
      expect(woken).toBeGreaterThan(0)
      forget()
      woken = 0
      await backend.push(jobOf('c'), Infinity)
      expect(woken).toBe(0)
      await backend.close()
      expect(clock.timers).toBe(0)
    })

    it('a settled claim is over: the second settle is too late', async () => {
      const { backend } = set()
      await backend.push(jobOf('a'), Infinity)
      const [job] = (await backend.claim(1)) as [QueuedJob]
      expect(await backend.settle(job, job.deliveries, 'completed', 0)).toBe(true)
      job.complete(undefined)
      expect(await backend.settle(job, job.deliveries, 'completed', 0)).toBe(false)
      expect(await backend.counts()).toEqual({ waiting: 0, delayed: 0, active: 0 })
    })

    it('a claim that runs out goes to the next, and its settle comes too late', async () => {
      const { clock, backend } = set()
      backend.onWake(() => {})
      await backend.push(jobOf('a'), Infinity)
      const [first] = (await backend.claim(1)) as [QueuedJob]
      const delivery = first.deliveries
      expect(delivery).toBe(1)
      await clock.advanceAsync('9.9s')
      expect(await backend.claim(1)).toEqual([])
      await clock.advanceAsync('0.1s')
      const [second] = (await backend.claim(1)) as [QueuedJob]
      expect(second.item).toBe('a')
      expect(second.deliveries).toBe(2)
      expect(await backend.settle(first, delivery, 'completed', 0)).toBe(false)
      expect(await backend.extend(first, delivery)).toBe(false)
      expect(await backend.settle(second, 2, 'completed', 0)).toBe(true)
      await backend.close()
    })

    it('a claim that ran out is over, also where nobody looked meanwhile', async () => {
      const { clock, backend } = set()
      await backend.push(jobOf('a'), Infinity)
      const [job] = (await backend.claim(1)) as [QueuedJob]
      clock.advance('10s')
      expect(await backend.settle(job, 1, 'completed', 0)).toBe(false)
      expect(await backend.counts()).toEqual({ waiting: 1, delayed: 0, active: 0 })
    })

    it('a claim that is extended does not run out', async () => {
      const { clock, backend } = set()
      backend.onWake(() => {})
      await backend.push(jobOf('a'), Infinity)
      const [job] = (await backend.claim(1)) as [QueuedJob]
      for (let i = 0; i < 4; i++) {
        await clock.advanceAsync('6s')
        expect(await backend.extend(job, 1)).toBe(true)
      }
      expect(await backend.claim(1)).toEqual([])
      expect(await backend.settle(job, 1, 'completed', 0)).toBe(true)
      await backend.close()
    })

    it('a retry comes back after its delay and not before, counted on', async () => {
      const { clock, backend } = set()
      await backend.push(jobOf('a'), Infinity)
      const [job] = (await backend.claim(1)) as [QueuedJob]
      await backend.settle(job, 1, 'retry', 1000)
      expect(await backend.counts()).toEqual({ waiting: 0, delayed: 1, active: 0 })
      await clock.advanceAsync('999ms')
      expect(await backend.claim(1)).toEqual([])
      await clock.advanceAsync('1ms')
      const [again] = (await backend.claim(1)) as [QueuedJob]
      expect(again.deliveries).toBe(2)
      expect(again.attempt).toBe(2)
    })

    it('a job returned is the first of its equals again, and was not tried', async () => {
      const { backend } = set()
      for (const item of ['a', 'b']) await backend.push(jobOf(item), Infinity)
      const [job] = (await backend.claim(1)) as [QueuedJob]
      await backend.settle(job, 1, 'return', 0)
      const [again] = (await backend.claim(1)) as [QueuedJob]
      expect(again.item).toBe('a')
      expect(again.attempt).toBe(1)
      expect(await backend.settle(again, 1, 'completed', 0)).toBe(false)
    })

    it('cancels and moves what nobody has claimed, and nothing else', async () => {
      const { backend } = set()
      const jobs = ['a', 'b', 'c'].map((item) => jobOf(item))
      for (const job of jobs) await backend.push(job, Infinity)
      const [a, b, c] = jobs as [QueuedJob, QueuedJob, QueuedJob]
      expect(await backend.reprioritise(c, 5)).toBe(true)
      expect((await backend.claim(1)).map((job) => job.item)).toEqual(['c'])
      expect(await backend.cancel(a)).toBe(true)
      a.end('cancelled', undefined)
      expect(await backend.cancel(a)).toBe(false)
      expect(await backend.cancel(c)).toBe(false)
      expect(await backend.reprioritise(c, 1)).toBe(false)
      expect((await backend.claim(5)).map((job) => job.item)).toEqual(['b'])
      expect(b.deliveries).toBe(1)
    })
  })
}
