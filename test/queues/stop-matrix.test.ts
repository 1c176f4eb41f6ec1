import { describe, expect, it } from 'vitest'
import { type LocalQueue, QueueFactory, type StopOptions } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

type State = 'idle' | 'busy' | 'blocked putters' | 'retry waiting' | 'delayed'
type Caller = 'outside' | 'inside, at once' | 'inside, after an await'
const STATES: readonly State[] = ['idle', 'busy', 'blocked putters', 'retry waiting', 'delayed']
const CALLERS: readonly Caller[] = ['outside', 'inside, at once', 'inside, after an await']

const rows = STATES.flatMap((state) =>
  (['drain', 'drop'] as const).flatMap((mode) =>
    CALLERS.flatMap((caller) =>
      [1, 2].flatMap((times) =>
        [undefined, 1].map((deadline) => ({ state, mode, caller, times, deadline })),
      ),
    ),
  ),
)

/** Brings a queue into a state, with a handler for each item that ends when `letGo` is called, or is aborted. */
function bring(state: State) {
  const clock = new ManualClock()
  const held: (() => void)[] = []
  let stopping: ((inside: true) => Promise<unknown>) | undefined
  const queue: LocalQueue<string, string> = QueueFactory.fifo<string, string>({
    clock,
    workers: 2,
    maxSize: state === 'blocked putters' ? 1 : 100,
    retry: { attempts: 2, backoff: '10s', jitter: 'none', retryIf: (error) => error === 'again' },
    handler: (item, { attempt, signal }) => {
      if (item.startsWith('stop'))
        return (async () => {
          if (item === 'stop later') await Promise.resolve()
          await stopping?.(true)
          return item
        })()
      if (item === 'flaky' && attempt === 1) throw 'again'
      if (item !== 'held') return item
      return new Promise((resolve, reject) => {
        held.push(() => resolve(item))
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    },
  })
  return {
    clock,
    queue,
    letGo: () => {
      for (const end of held.splice(0)) end()
    },
    onStop: (stop: (inside: true) => Promise<unknown>) => {
      stopping = stop
    },
  }
}

describe('stop, whatever the queue does', () => {
  it.each(rows)(
    '$state, $mode, called from $caller, $times times, deadline $deadline',
    async ({ state, mode, caller, times, deadline }) => {
      const { clock, queue, letGo, onStop } = bring(state)
      queue.start()
      const results: Promise<unknown>[] = []
      const put = (item: string, delay?: number) => {
        results.push(queue.submit(item, delay === undefined ? {} : { delay }))
      }
      if (state !== 'idle') put('held')
      if (state === 'retry waiting') put('flaky')
      if (state === 'delayed') put('late', 10)
      await clock.advanceAsync(0)
      const options: StopOptions = { mode, ...(deadline !== undefined && { deadline }) }
      const reports: Promise<unknown>[] = []
      const stop = () => {
        for (let i = 0; i < times; i++) reports.push(queue.stop(options))
        return reports[0] as Promise<unknown>
      }
      onStop(stop)
      // Held back, so that all of it is put before the first handler can stop the queue.
      queue.pause()
      if (caller !== 'outside') put(caller === 'inside, at once' ? 'stop' : 'stop later')
      if (state === 'busy' || state === 'blocked putters')
        for (const item of ['a', 'b', 'held']) put(item)
      queue.resume()
      if (caller === 'outside') void stop()
      for (let i = 0; i < 5; i++) await clock.advanceAsync(0)
      expect(reports).toHaveLength(times)
      // Nothing is accepted any more, from the first moment.
      await expect(queue.put('too late')).rejects.toMatchObject({ code: 'CLOSED' })
      if (deadline === undefined) {
        for (let i = 0; i < 5; i++) {
          letGo()
          await clock.advanceAsync('10s')
        }
      } else {
        await clock.advanceAsync('1s')
        await new Promise(setImmediate)
        await new Promise(setImmediate)
      }
      const settled = await Promise.allSettled(results)
      const [report, again = report] = (await Promise.all(reports)) as {
        completed: number
        failed: number
        notStarted: unknown[]
        aborted: unknown[]
        stillRunning: { item: string }[]
      }[]
      expect(again).toBe(report)
      if (report === undefined) throw new Error('no report')
      // Who awaited the report in his handler had to be left out of it.
      const waited = report.stillRunning.filter(({ item }) => item.startsWith('stop')).length
      expect(report.stillRunning).toHaveLength(waited)
      expect(waited).toBe(caller === 'outside' ? 0 : 1)
      // Everything that was put is in the report exactly once.
      expect(
        report.completed +
          report.failed +
          report.notStarted.length +
          report.aborted.length +
          waited,
      ).toBe(results.length)
      const fulfilled = settled.filter(({ status }) => status === 'fulfilled').length
      if (mode === 'drain' && deadline === undefined) expect(fulfilled).toBe(results.length)
      expect(queue.size()).toBe(0)
      expect(clock.timers).toBe(0)
    },
  )
})
