import type { Queue, QueueOptions } from 'aioflux'
import { expect, it } from 'vitest'

type Due = Queue<string, string>

/**
 * Delays and dates are one order: the first that is due goes first, wherever the jobs are kept.
 *
 * @param dateIn the date in so many seconds
 * @param pass lets a second pass
 */
export function queueDueExam(
  make: (options: QueueOptions<string, string>) => Due,
  dateIn: (seconds: number) => Date,
  pass: () => Promise<void>,
): void {
  const fill = async (queue: Due, unit: number) => {
    await queue.put('fourth', { delay: 4 * unit })
    await queue.put('third', { at: dateIn(3 * unit) })
    await queue.put('second', { delay: 2 * unit })
    await queue.put('first', { at: dateIn(unit) })
    await queue.put('fifth', { at: dateIn(5 * unit) })
    return queue
  }
  const order = ['first', 'second', 'third', 'fourth', 'fifth']

  it('delays and dates: are listed in the order in which they come due', async () => {
    const queue = await fill(make({}), 1000)
    const { jobs } = await queue.jobs({ state: 'delayed' })
    expect(jobs.map(({ item }) => item)).toEqual(order)
    await queue.stop({ mode: 'drop' })
  })

  it('delays and dates: what has come due before workers look is taken in that order', async () => {
    const queue = await fill(make({}), 0.1)
    await pass()
    const claims = await queue.claim({ max: 5 })
    expect(claims.map(({ item }) => item)).toEqual(order)
    for (const claim of claims) await claim.complete('')
    await queue.stop()
  })

  it('delays and dates: drop-oldest drops the one that is due first', async () => {
    const queue = await fill(make({ maxSize: 5, overflow: 'drop-oldest' }), 1000)
    await queue.put('sixth', { delay: 6000 })
    const { jobs } = await queue.jobs({ state: 'delayed' })
    expect(jobs.map(({ item }) => item)).toEqual([...order.slice(1), 'sixth'])
    await queue.stop({ mode: 'drop' })
  })
}
