import { describe, expect, it } from 'vitest'
import type { Backend } from '../../src/queues/backend.ts'
import type { ConsumerHooks } from '../../src/queues/consumer.ts'
import { QueuedJob } from '../../src/queues/job.ts'
import { Lots } from '../../src/queues/lots.ts'
import { MemoryBackend } from '../../src/queues/memory-backend.ts'
import { priorityOrder } from '../../src/queues/orders/priority.ts'
import { SingleConsumer } from '../../src/queues/single-consumer.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { backendExam } from '../exams/backend-exam.ts'

const memory = (clock: ManualClock) =>
  new MemoryBackend({ order: priorityOrder(), clock, lease: '10s' })

/** The same behind a round trip: every move answers later. */
function elsewhere(inner: MemoryBackend): Backend {
  const later = async <R>(run: () => R): Promise<R> => {
    await Promise.resolve()
    return run()
  }
  return {
    lease: inner.lease,
    push: (job, maxSize) => later(() => inner.push(job, maxSize)),
    claim: (max) => later(() => inner.claim(max)),
    settle: (job, delivery, verdict, delay) =>
      later(() => inner.settle(job, delivery, verdict, delay)),
    extend: (job, delivery) => later(() => inner.extend(job, delivery)),
    cancel: (job) => later(() => inner.cancel(job)),
    reprioritise: (job, priority) => later(() => inner.reprioritise(job, priority)),
    counts: () => later(() => inner.counts()),
    onWake: (run) => inner.onWake(run),
    onRoom: (run) => inner.onRoom(run),
    close: () => later(() => inner.close()),
  }
}

backendExam('memory', memory)
backendExam('memory elsewhere', (clock) => elsewhere(memory(clock)))

describe('the consumer over a backend elsewhere', () => {
  const set = (handler: (item: number, context: { signal: AbortSignal }) => unknown) => {
    const clock = new ManualClock()
    const inner = memory(clock)
    const backend = elsewhere(inner)
    const failures: unknown[] = []
    const hooks: ConsumerHooks = {
      completed: () => {},
      failed: (_, error) => failures.push(error),
      retrying: () => {},
      timedOut: () => {},
      rested: () => {},
      trouble: (error) => failures.push(error),
    }
    const lots = new Lots(backend, 4, clock, {
      arrived: () => consumer.wake(),
      lost: (job) => consumer.attempts.lose(job, 'lost'),
      trouble: (error) => failures.push(error),
    })
    const consumer = new SingleConsumer(
      lots,
      handler,
      { workers: 3, clock, timeout: Infinity, releaseOnTimeout: false, retry: undefined },
      hooks,
    )
    consumer.open = true
    let seq = 0
    const put = async (item: number) => {
      const job = new QueuedJob<number, unknown>(item, 0, ++seq, {
        cancel: () => false,
        reprioritise: () => false,
        progressed: () => {},
      })
      await backend.push(job, Infinity)
      return job
    }
    return { clock, inner, lots, consumer, put, failures }
  }

  it('does every job once', async () => {
    const seen: number[] = []
    const { consumer, put, inner, failures } = set(async (item) => {
      await Promise.resolve()
      seen.push(item)
      return item * 2
    })
    const jobs = await Promise.all(Array.from({ length: 50 }, (_, i) => put(i)))
    const results = await Promise.all(jobs.map((job) => job.result))
    expect(results).toEqual(jobs.map((_, i) => i * 2))
    expect(seen.toSorted((a, b) => a - b)).toEqual(jobs.map((_, i) => i))
    expect(inner.counts()).toEqual({ waiting: 0, delayed: 0, active: 0 })
    expect(consumer.attempts.completed).toBe(50)
    expect(failures).toEqual([])
  })

  it('holds the lease of a long job, and gives back what it has not begun', async () => {
    const finish: (() => void)[] = []
    const { clock, put, lots, inner } = set(
      () => new Promise<void>((resolve) => finish.push(resolve)),
    )
    const jobs = await Promise.all([1, 2, 3, 4, 5].map(put))
    await clock.advanceAsync('30s')
    expect(finish).toHaveLength(3)
    expect(jobs.map((job) => job.deliveries)).toEqual([1, 1, 1, 1, 1])
    await lots.close()
    expect(inner.counts()).toEqual({ waiting: 2, delayed: 0, active: 3 })
    for (const end of finish) end()
    await Promise.all(jobs.slice(0, 3).map((job) => job.result))
  })

  it('a claim that was lost is told to its handler, and its result is not taken', async () => {
    const signals: AbortSignal[] = []
    const finish: ((value: string) => void)[] = []
    const { clock, put, inner } = set((_, { signal }) => {
      signals.push(signal)
      return new Promise((resolve) => finish.push(resolve))
    })
    const job = await put(1)
    await clock.advanceAsync(0)
    // Somebody else settles it behind our back.
    inner.settle(job, 1, 'retry', 1000)
    await clock.advanceAsync('5s')
    expect(signals[0]?.reason).toBe('lost')
    finish[0]?.('stale')
    await clock.advanceAsync(0)
    expect(job.over).toBe(false)
    finish[1]?.('fresh')
    expect(await job.result).toBe('fresh')
    expect(job.deliveries).toBe(2)
  })
})
