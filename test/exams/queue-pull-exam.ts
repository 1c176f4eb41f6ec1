import { LimiterFactory, type Queue, type QueueOptions } from 'aioflux'
import { Metrics } from 'aioflux/metrics'
import { expect, it } from 'vitest'

type Pulled = Queue<string, string>
type Take = (queue: Pulled) => unknown

const get: Take = (queue) => queue.get()
const loop: Take = async (queue) => {
  for await (const item of queue) return item
}

/**
 * An item that is taken by hand completes its job, wherever the job is kept.
 *
 * @param others ways to take an item that not every queue has
 */
export function queuePullExam(
  make: (options: QueueOptions<string, string>) => Pulled,
  others: Readonly<Record<string, Take>> = {},
): void {
  it.each(Object.entries({ get, loop, ...others }))(
    'an item taken by hand counts as completed: %s',
    async (_, take) => {
      const metrics = new Metrics()
      const queue = make({ keep: { completed: '1h' }, metrics })
      const told: unknown[] = []
      queue.on('completed', ({ job, item, value }) => told.push([job.id, job.state, item, value]))
      await queue.put('a', { id: 'own' })
      expect(await take(queue)).toBe('a')
      expect(told).toEqual([['own', 'completed', 'a', undefined]])
      expect(await queue.counts()).toMatchObject({ completed: 1, waiting: 0, running: 0 })
      expect(queue.stats()).toMatchObject({ completed: 1, failed: 0, running: 0 })
      expect((await queue.jobs({ state: 'completed' })).jobs).toMatchObject([{ id: 'own' }])
      expect((await queue.stop()).completed).toBe(1)
      const counted = Object.entries(metrics.getStats().counters)
        .filter(([series]) => series.startsWith('aioflux_queue_jobs_total'))
        .map(([series, count]) => [/outcome="(\w+)"/.exec(series)?.[1], count])
        .filter(([, count]) => count !== 0)
      expect(counted).toEqual([['pulled', 1]])
    },
  )

  it.each(Object.entries({ get, ...others }))(
    'an item that is taken by hand has passed the limiter: %s',
    async (_, take) => {
      const limiter = LimiterFactory.tokenBucket({ rate: 2, per: '1h' })
      const queue = make({ limiter })
      await queue.putMany(['a', 'b', 'c'])
      expect([await take(queue), await take(queue)]).toEqual(['a', 'b'])
      const late = queue.get({ timeout: '20ms' })
      await expect(late).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' })
      expect(await queue.counts()).toMatchObject({ completed: 2, waiting: 1, running: 0 })
      await queue.stop({ mode: 'drop' })
    },
  )

  it('the result of a job whose item is taken by hand is undefined', async () => {
    const queue = make({})
    const result = queue.submit('a')
    expect(await queue.get()).toBe('a')
    expect(await result).toBeUndefined()
    await queue.stop()
  })
}
