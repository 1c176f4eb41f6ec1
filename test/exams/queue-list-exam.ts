import type { Queue, QueueOptions } from 'aioflux'
import { expect, it } from 'vitest'

type Listed = Queue<string, string>

const ITEMS = Array.from({ length: 25 }, (_, i) => `item ${i}`)

/** A list that is read page by page shows each job once, wherever the jobs are kept. */
export function queueListExam(make: (options: QueueOptions<string, string>) => Listed): void {
  const waiting = async () => {
    const queue = make({})
    await queue.putMany(ITEMS)
    return queue
  }
  const delayed = async () => {
    const queue = make({})
    await queue.putMany(ITEMS, (_, i) => ({ delay: 1000 + i }))
    return queue
  }
  const dead = async () => {
    const queue = make({ keep: { dead: '1h' }, deadLetter: () => {} })
    await queue.putMany(ITEMS)
    for (const claim of await queue.claim({ max: ITEMS.length })) await claim.fail(new Error('x'))
    return queue
  }
  const completed = async () => {
    const queue = make({ keep: { completed: '1h' } })
    await queue.putMany(ITEMS)
    for (const claim of await queue.claim({ max: ITEMS.length })) await claim.complete('')
    return queue
  }
  const drop = (queue: Listed, id: string) => queue.remove(id)

  it.each([
    ['waiting jobs', 'waiting', waiting, undefined],
    [
      'waiting jobs that are cancelled',
      'waiting',
      waiting,
      (q: Listed, id: string) => q.cancel(id),
    ],
    ['delayed jobs that are removed', 'delayed', delayed, drop],
    ['completed jobs that are removed', 'completed', completed, drop],
    ['dead jobs that are removed', 'dead', dead, drop],
    [
      'dead jobs that are redriven',
      'dead',
      dead,
      (q: Listed, id: string) => q.redrive({ ids: [id] }),
    ],
  ] as const)('pages of a list: %s', async (_, state, fill, act) => {
    const queue = await fill()
    const items: string[] = []
    let cursor: string | undefined
    do {
      const page = await queue.jobs({ state, limit: 4, ...(cursor !== undefined && { cursor }) })
      // The last job of each page stays.
      for (const { id } of page.jobs.slice(0, 3)) await act?.(queue, id)
      items.push(...page.jobs.map(({ item }) => item))
      cursor = page.cursor
    } while (cursor !== undefined)
    expect(items.sort()).toEqual([...ITEMS].sort())
    await queue.stop({ mode: 'drop' })
  })

  it.each([0, 1, 5])(
    'a job that is kept tells its attempts, the one that ended well included: after %i that failed',
    async (failures) => {
      const queue = make({ keep: { completed: '1h' }, retry: { attempts: 9, backoff: 0 } })
      await queue.put('a')
      for (let i = 0; i <= failures; i++) {
        const [claim] = await queue.claim({ timeout: '5s' })
        await (i < failures ? claim?.fail(new Error(`failure ${i}`)) : claim?.complete(''))
      }
      const [job] = (await queue.jobs({ state: 'completed' })).jobs
      expect(job).toMatchObject({ attempts: failures + 1, deliveries: failures + 1 })
      const failed = Array.from({ length: failures }, (_, i) => `failure ${i}`)
      const tries = job?.tries ?? []
      expect(tries.map(({ error }) => error?.message)).toEqual([...failed, undefined].slice(-5))
      for (const { startedAt, endedAt } of tries) {
        expect(endedAt.getTime()).toBeGreaterThanOrEqual(startedAt.getTime())
      }
      expect(tries.at(-1)?.endedAt).toEqual(job?.endedAt)
      expect(job?.error).toBeUndefined()
      await queue.stop()
    },
  )

  it('a kept job whose item was taken by hand tells one attempt', async () => {
    const queue = make({ keep: { completed: '1h' } })
    await queue.put('a')
    await queue.get()
    const [job] = (await queue.jobs({ state: 'completed' })).jobs
    expect(job).toMatchObject({ attempts: 1, deliveries: 1 })
    expect(job?.tries.map(({ error }) => error)).toEqual([undefined])
    await queue.stop()
  })

  it('a page of a list can be read again', async () => {
    const queue = await waiting()
    const { cursor = '' } = await queue.jobs({ state: 'waiting', limit: 10 })
    const once = await queue.jobs({ state: 'waiting', limit: 10, cursor })
    const again = await queue.jobs({ state: 'waiting', limit: 10, cursor })
    expect(again.jobs.map(({ id }) => id)).toEqual(once.jobs.map(({ id }) => id))
    expect(again.jobs).toHaveLength(10)
    const last = await queue.jobs({ state: 'waiting', limit: 10, cursor: again.cursor ?? '' })
    expect(last.jobs).toHaveLength(5)
    expect(last.cursor).toBeUndefined()
    await queue.stop({ mode: 'drop' })
  })
}
