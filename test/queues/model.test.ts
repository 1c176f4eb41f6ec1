import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Job, QueueFactory } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

type Step =
  | { do: 'put'; priority: number }
  | { do: 'finish'; which: number; well: boolean }
  | { do: 'cancel'; which: number }
  | { do: 'move'; which: number; priority: number }
  | { do: 'workers'; workers: number }
  | { do: 'pause' }
  | { do: 'resume' }
  | { do: 'clear' }
  | { do: 'get' }

const step = (): fc.Arbitrary<Step> => {
  const which = fc.nat(1000)
  const priority = fc.integer({ min: -2, max: 2 })
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), priority }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('finish' as const), which, well: fc.boolean() }),
    },
    fc.record({ do: fc.constant('cancel' as const), which }),
    fc.record({ do: fc.constant('move' as const), which, priority }),
    fc.record({ do: fc.constant('workers' as const), workers: fc.integer({ min: 1, max: 4 }) }),
    fc.constant({ do: 'pause' as const }),
    fc.constant({ do: 'resume' as const }),
    fc.constant({ do: 'clear' as const }),
    fc.constant({ do: 'get' as const }),
  )
}

interface Entry {
  id: number
  priority: number
  at: number
}

it('a queue does what a naive array does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step(), { maxLength: 60 }), fc.boolean(), async (steps, drop) => {
      // The model: an array that is searched for the best, and a list of what runs.
      let waiting: Entry[] = []
      let running: number[] = []
      let workers = 2
      let paused = false
      let arrivals = 0
      const order: number[] = []
      const begin = () => {
        while (!paused && running.length < workers && waiting.length > 0) {
          const best = waiting.reduce((a, b) =>
            b.priority > a.priority || (b.priority === a.priority && b.at < a.at) ? b : a,
          )
          waiting = waiting.filter((entry) => entry !== best)
          running.push(best.id)
          order.push(best.id)
        }
      }

      const begun: number[] = []
      const gates = new Map<number, (well: boolean) => void>()
      let atOnce = 0
      const queue = QueueFactory.priority<number, number>({
        workers,
        clock: new ManualClock(),
        handler: (id) => {
          begun.push(id)
          atOnce += 1
          return new Promise<number>((resolve, reject) => {
            gates.set(id, (well) => {
              atOnce -= 1
              gates.delete(id)
              if (well) resolve(id)
              else reject(new Error(`job ${id}`))
            })
          })
        },
      }).start()
      queue.on('failed', () => {})
      const jobs: Job<number>[] = []
      const settled = new Map<number, number>()

      for (const each of steps) {
        switch (each.do) {
          case 'put': {
            const id = jobs.length
            const put = queue.put(id, { priority: each.priority })
            waiting.push({ id, priority: each.priority, at: arrivals++ })
            begin()
            const job = await put
            jobs.push(job)
            const count = () => settled.set(id, (settled.get(id) ?? 0) + 1)
            job.result.then(count, count)
            break
          }
          case 'finish': {
            const open = [...gates.keys()]
            const id = open[each.which % open.length]
            if (id === undefined) break
            gates.get(id)?.(each.well)
            await settle()
            running = running.filter((other) => other !== id)
            begin()
            break
          }
          case 'cancel': {
            const job = jobs[each.which % jobs.length]
            if (job === undefined) break
            const id = jobs.indexOf(job)
            const wasWaiting = waiting.some((entry) => entry.id === id)
            const wasOver = settled.has(id)
            expect(job.cancel()).toBe(!wasOver)
            // A running one keeps its worker until its handler returns.
            if (wasWaiting) waiting = waiting.filter((entry) => entry.id !== id)
            await settle()
            break
          }
          case 'move': {
            const job = jobs[each.which % jobs.length]
            if (job === undefined) break
            const entry = waiting.find(({ id }) => id === jobs.indexOf(job))
            expect(job.setPriority(each.priority)).toBe(entry !== undefined)
            if (entry !== undefined) {
              entry.priority = each.priority
              entry.at = arrivals++
            }
            break
          }
          case 'workers':
            workers = each.workers
            queue.workers = workers
            begin()
            break
          case 'pause':
            paused = true
            queue.pause()
            break
          case 'resume':
            paused = false
            queue.resume()
            begin()
            break
          case 'clear':
            expect(new Set(queue.clear())).toEqual(new Set(waiting.map(({ id }) => id)))
            waiting = []
            await settle()
            break
          case 'get': {
            const best = waiting.reduce<Entry | undefined>(
              (a, b) =>
                a === undefined ||
                b.priority > a.priority ||
                (b.priority === a.priority && b.at < a.at)
                  ? b
                  : a,
              undefined,
            )
            expect(queue.tryGet()).toBe(best?.id)
            waiting = waiting.filter((entry) => entry !== best)
            await settle()
            break
          }
        }
        expect(begun).toEqual(order)
        expect(queue.size()).toBe(waiting.length)
      }

      const stopped = queue.stop({ mode: drop ? 'drop' : 'drain' })
      for (let round = 0; round < 200; round++) {
        for (const finish of [...gates.values()]) finish(true)
        await settle()
      }
      const report = await stopped
      await settle()
      expect(atOnce).toBe(0)
      expect(settled.size).toBe(jobs.length)
      expect([...settled.values()].every((times) => times === 1)).toBe(true)
      expect(report.notStarted).toHaveLength(drop ? waiting.length : 0)
      expect(report.stillRunning).toEqual([])
    }),
    { numRuns: 300 },
  )
})
