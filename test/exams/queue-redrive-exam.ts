import type { JobClaim, Queue, QueueOptions } from 'aioflux'
import { expect, it } from 'vitest'

type Redriving = Queue<string, string>

/** A job that is redriven lines up anew, wherever the jobs are kept. */
export function queueRedriveExam(make: (options: QueueOptions<string, string>) => Redriving): void {
  const dead = async (queue: Redriving, item: string) => {
    await queue.put(item)
    const [claim] = await queue.claim()
    await claim?.fail(new Error('broken'))
  }
  const keep = { keep: { dead: '1h' }, deadLetter: () => {} } as const
  const named = (claims: readonly JobClaim<string, string>[]) => claims.map(({ item }) => item)

  it.each([
    ['', {}],
    [' with groups', { group: () => 'a' }],
  ] as const)(
    'redrive: behind all that wait, also when claims are given back%s',
    async (_, more) => {
      const queue = make({ ...keep, ...more })
      await dead(queue, 'a')
      await queue.putMany(['b', 'c'])
      expect(await queue.redrive()).toBe(1)
      await queue.put('d')
      const claims = await queue.claim({ max: 4 })
      expect(named(claims)).toEqual(['b', 'c', 'a', 'd'])
      for (const claim of claims.reverse()) await claim.release()
      expect(named(await queue.claim({ max: 4 }))).toEqual(['b', 'c', 'a', 'd'])
    },
  )

  it.each([
    ['', {}],
    [' of several groups', { group: (item: string) => item }],
  ] as const)('redrive: the job has not waited for longer than others%s', async (_, more) => {
    const queue = make({ ...keep, ...more, maxSize: 2, overflow: 'drop-oldest' })
    await dead(queue, 'a')
    await queue.put('b')
    expect(await queue.redrive()).toBe(1)
    await queue.put('c')
    expect(named(await queue.claim({ max: 2 })).sort()).toEqual(['a', 'c'])
  })

  it.each([
    ['', {}],
    [' and an error', { error: 'broken' }],
    [' among the latest', { latest: 4 }],
  ] as const)('redrive: in the order of the ids%s', async (_, rest) => {
    const queue = make({ ...keep })
    for (const id of ['a', 'b', 'c', 'd']) {
      await queue.put(id, { id })
      const [claim] = await queue.claim()
      await claim?.fail(new Error('broken'))
    }
    expect(await queue.redrive({ ids: ['c', 'a', 'x', 'c', 'b'], ...rest, limit: 2 })).toBe(2)
    expect(await queue.redrive({ ids: ['b', 'd'], ...rest })).toBe(2)
    expect(named(await queue.claim({ max: 4 }))).toEqual(['c', 'a', 'b', 'd'])
  })
}
