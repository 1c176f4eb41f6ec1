import { BatchCollector, QueueFactory, Scheduler, WorkerPool } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

// Whatever stops may be told again, with less patience: `await using`, and then a signal that ends the process.

interface Stops {
  stop(options?: {
    mode?: 'drain' | 'drop'
    deadline?: string | number
    grace?: string
  }): Promise<unknown>
}
/** What is under way in something that is to be stopped: work that never ends by itself, unless its signal aborts. */
type Begin = (
  clock: ManualClock,
  work: (context: { signal: AbortSignal }) => Promise<never>,
) => Stops | Promise<Stops>

const kinds: Readonly<Record<string, Begin>> = {
  Scheduler: async (clock, work) => {
    const scheduler = new Scheduler({ clock })
    scheduler.every('1s', work, { name: 'job' })
    scheduler.on('failed', () => {})
    scheduler.start()
    await clock.advanceAsync('1s')
    return scheduler as unknown as Stops
  },
  WorkerPool: (clock, work) => {
    const pool = new WorkerPool({ clock }).start()
    void pool.submitWith({}, work).catch(() => {})
    return pool as unknown as Stops
  },
  BatchCollector: (clock, work) => {
    const collector = new BatchCollector<number>({
      clock,
      batchSize: 2,
      maxInFlight: 1,
      bisectOnError: true,
      callback: (_, context) => work(context),
    })
    // One batch is under way, one waits for it, and one is not full.
    for (const item of [1, 2, 3, 4, 5]) void collector.add(item).catch(() => {})
    return collector as unknown as Stops
  },
  queue: (clock, work) => {
    const queue = QueueFactory.fifo<number>({ clock, handler: (_, context) => work(context) })
    void queue.submit(1).catch(() => {})
    return queue.start() as unknown as Stops
  },
}

describe.each(Object.entries(kinds))('%s', (_, begin) => {
  async function scene(heeds: boolean) {
    const clock = new ManualClock('1h')
    const seen = { begun: 0, aborted: 0, stopped: 0 }
    const stops = await begin(clock, ({ signal }) => {
      seen.begun += 1
      return new Promise((_, no) => {
        signal.addEventListener('abort', () => {
          seen.aborted += 1
          if (heeds) no(signal.reason)
        })
      })
    })
    await clock.advanceAsync(0)
    const stop = (options?: Parameters<Stops['stop']>[0]) =>
      void stops.stop(options).then(() => {
        seen.stopped += 1
      })
    return { clock, seen, stop }
  }

  for (const heeds of [true, false]) {
    const work = heeds ? 'work that heeds its signal' : 'work that is deaf to its signal'

    it(`a deadline after stop() is kept, with ${work}`, async () => {
      const { clock, seen, stop } = await scene(heeds)
      stop()
      await clock.advanceAsync('1m')
      expect(seen).toEqual({ begun: 1, aborted: 0, stopped: 0 })
      stop({ deadline: '5s' })
      await clock.advanceAsync(4.9)
      expect(seen).toEqual({ begun: 1, aborted: 0, stopped: 0 })
      await clock.advanceAsync('0.1s')
      expect(seen.aborted).toBe(1)
      await clock.advanceAsync('1s')
      expect(seen).toEqual({ begun: 1, aborted: 1, stopped: 2 })
      expect(clock.timers).toBe(0)
    })

    it(`the earlier of two deadlines counts, whichever comes first, with ${work}`, async () => {
      for (const deadlines of [
        ['5s', '1m'],
        ['1m', '5s'],
      ] as const) {
        const { clock, seen, stop } = await scene(heeds)
        for (const deadline of deadlines) stop({ deadline })
        stop()
        await clock.advanceAsync('5s')
        await clock.advanceAsync('1s')
        expect(seen).toEqual({ begun: 1, aborted: 1, stopped: 3 })
        expect(clock.timers).toBe(0)
      }
    })

    it(`drop with a deadline of nothing after stop() ends it at once, with ${work}`, async () => {
      const { clock, seen, stop } = await scene(heeds)
      stop({ deadline: '1h' })
      await clock.advanceAsync('1m')
      stop({ mode: 'drop', deadline: 0 })
      await clock.advanceAsync('1s')
      expect(seen).toEqual({ begun: 1, aborted: 1, stopped: 2 })
      expect(clock.timers).toBe(0)
    })
  }
})

it('an aborted run may be given less grace than it was promised', async () => {
  const clock = new ManualClock('1h')
  const scheduler = new Scheduler({ clock })
  scheduler.every('1s', () => new Promise(() => {}), { name: 'deaf' })
  scheduler.start()
  await clock.advanceAsync('1s')
  const first = scheduler.stop({ deadline: '1s', grace: '1h' })
  await clock.advanceAsync('2s')
  const second = scheduler.stop({ grace: '1s' })
  expect(second).toBe(first)
  await clock.advanceAsync('1s')
  expect((await first).stillRunning).toHaveLength(1)
  expect(clock.timers).toBe(0)
})

it('a leader that cannot say farewell does not outlast the deadline by much', async () => {
  const clock = new ManualClock('1h')
  const campaign = { end: () => new Promise<void>(() => {}) }
  const coordinator = { isLeader: true, campaign: () => campaign }
  const scheduler = new Scheduler({ clock, coordinator }).start()
  let stopped = false
  void scheduler.stop({ deadline: '1s' }).then(() => {
    stopped = true
  })
  await clock.advanceAsync('1s')
  expect(stopped).toBe(false)
  await clock.advanceAsync('1s')
  expect(stopped).toBe(true)
})

it('a collector that is dropped rejects what it has, begins nothing and refuses nonsense', async () => {
  let begun = 0
  const collector = new BatchCollector<number>({
    batchSize: 2,
    callback: () => {
      begun += 1
    },
  })
  const item = collector.add(1)
  await expect(collector.stop({ mode: 'away' as never })).rejects.toThrow(/^mode must be one of/)
  await expect(collector.stop({ deadline: -1 })).rejects.toThrow(/^deadline must/)
  await collector.stop({ mode: 'drop' })
  await expect(item).rejects.toMatchObject({ code: 'JOB_DROPPED' })
  expect(begun).toBe(0)
  expect(collector.size).toBe(0)
})
