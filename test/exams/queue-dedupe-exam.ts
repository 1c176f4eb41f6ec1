import type { DedupeOptions, Queue } from 'aioflux'
import { expect, it } from 'vitest'

interface Item {
  key: string
  name: string
  group?: string
}

type Deduping = Queue<Item, string>

const item = (key: string, name: string, group?: string): Item => ({
  ...{ key, name },
  ...(group !== undefined && { group }),
})

/** Which items are the same, and what a newer one changes: wherever the jobs are kept. */
export function queueDedupeExam(make: (options: DedupeOptions<Item, string>) => Deduping): void {
  const keyed = (options: DedupeOptions<Item, string> = {}) =>
    make({ mode: 'pending', keyFn: ({ key }) => key, ...options })
  const namesOf = async (queue: Deduping) => {
    const names: string[] = []
    while ((await queue.counts()).waiting > 0) {
      const claims = await queue.claim({ max: 9 })
      names.push(...claims.map((claim) => claim.item.name))
      for (const claim of claims) await claim.complete('done')
    }
    return names
  }

  it.each(['waits', 'runs'] as const)(
    'dedupe: an own id of the newest item is taken, where the older one %s',
    async (when) => {
      const queue = keyed({ mode: 'latest' })
      await queue.put(item('a', 'a1'), { id: 'one' })
      const claims = when === 'runs' ? await queue.claim() : []
      await queue.put(item('a', 'a2'), { id: 'two' })
      const again = async () => (await queue.put(item('b', 'b'), { id: 'two' })).state
      expect(await again()).toBe('duplicate')
      for (const claim of claims) await claim.complete('done')
      expect(await again()).toBe('duplicate')
      expect(await namesOf(queue)).toEqual(['a2'])
      expect(await again()).toBe('duplicate')
      await queue.put(item('a', 'a3'))
      await queue.put(item('a', 'a4'), { id: 'four' })
      await queue.clear()
      expect((await queue.put(item('b', 'b'), { id: 'four' })).state).toBe('waiting')
      await queue.stop({ mode: 'drop' })
    },
  )

  it('dedupe: an own id that is the key of another item makes no duplicate', async () => {
    const queue = keyed()
    const states = [
      await queue.put(item('invoice', 'a')),
      await queue.put(item('other', 'b'), { id: 'invoice' }),
      await queue.put(item('third', 'c'), { id: 'other' }),
    ].map(({ state }) => state)
    expect(states).toEqual(['waiting', 'waiting', 'waiting'])
    expect(await namesOf(queue)).toEqual(['a', 'b', 'c'])
  })

  it.each(['ttl', 'pending', 'coalesce', 'latest'] as const)(
    'dedupe, %s: items of one key are the same, whatever their own ids are',
    async (mode) => {
      const queue = keyed({ mode })
      const duplicates: unknown[] = []
      queue.on('duplicate', ({ key }) => duplicates.push(key))
      const first = await queue.put(item('a', 'one'), { id: 'id 1' })
      const second = await queue.put(item('a', 'two'), { id: 'id 2' })
      const third = await queue.put(item('a', 'three'))
      const results = Promise.all([first.result, second.result, third.result])
      expect(duplicates).toEqual(['a', 'a'])
      expect(await namesOf(queue)).toEqual([mode === 'latest' ? 'three' : 'one'])
      expect(await results).toEqual(['done', 'done', 'done'])
    },
  )

  it.each(['ttl', 'pending', 'coalesce'] as const)(
    'dedupe, %s: the own id of an item that is refused or joined stays free',
    async (mode) => {
      const queue = keyed({ mode })
      await queue.put(item('a', 'one'), { id: 'id 1' })
      expect((await queue.put(item('a', 'two'), { id: 'id 2' })).id).toBe('id 1')
      expect(await queue.job('id 2')).toBeUndefined()
      expect(await queue.put(item('b', 'three'), { id: 'id 2' })).toMatchObject({
        id: 'id 2',
        state: 'waiting',
      })
      expect(await namesOf(queue)).toEqual(['one', 'three'])
    },
  )

  it('dedupe: an own id is one job, whatever the keys are', async () => {
    const queue = keyed({ mode: 'latest' })
    const first = await queue.put(item('a', 'one'), { id: 'own' })
    const result = first.result
    const second = await queue.put(item('b', 'two'), { id: 'own' })
    expect([second.id, second.state, await second.cancel()]).toEqual(['own', 'duplicate', false])
    expect((await queue.put(item('b', 'three'))).state).toBe('waiting')
    expect(await namesOf(queue)).toEqual(['one', 'three'])
    expect(await result).toBe('done')
  })

  it.each(['remove', 'clear', 'cancel'] as const)('dedupe: a key is free after %s', async (way) => {
    const queue = keyed({ mode: 'ttl' })
    const { id } = await queue.put(item('a', 'one'), { id: 'own' })
    if (way === 'clear') await queue.clear()
    else await queue[way](id)
    expect((await queue.put(item('a', 'two'))).state).toBe('waiting')
    expect(await namesOf(queue)).toEqual(['two'])
  })

  it('dedupe, ttl: a key stays taken when its job has completed, and its own id is another thing', async () => {
    const queue = keyed({ mode: 'ttl' })
    await queue.put(item('a', 'one'), { id: 'own' })
    expect(await namesOf(queue)).toEqual(['one'])
    const states = [
      await queue.put(item('a', 'two')),
      await queue.put(item('b', 'three'), { id: 'own' }),
      await queue.put(item('own', 'four')),
    ].map(({ state }) => state)
    expect(states).toEqual(['duplicate', 'duplicate', 'waiting'])
  })

  it.each(['waits', 'runs'] as const)(
    'dedupe, latest: the group of the newest item counts, where the first one %s',
    async (when) => {
      const queue = keyed({
        mode: 'latest',
        group: ({ group = '' }) => group,
        groupConcurrency: 1,
      })
      await queue.put(item('a', 'old', 'x'))
      const claims = when === 'runs' ? await queue.claim() : []
      await queue.put(item('a', 'new', 'y'))
      await queue.put(item('b', 'of x', 'x'))
      for (const claim of claims) await claim.complete('done')
      expect((await queue.groups()).map(({ group, waiting }) => [group, waiting]).sort()).toEqual([
        ['x', 1],
        ['y', 1],
      ])
      const both = await queue.claim({ max: 9 })
      expect(both.map((claim) => claim.item.name).sort()).toEqual(['new', 'of x'])
      for (const claim of both) await claim.complete('done')
    },
  )

  it('dedupe: a dead job stays dead while another one has its key', async () => {
    const queue = keyed({ keep: { dead: '1h' }, deadLetter: () => {} })
    const first = await queue.put(item('a', 'one'))
    const [claim] = await queue.claim()
    await claim?.fail(new Error('broken'))
    await queue.put(item('a', 'two'))
    expect(await queue.redrive()).toBe(0)
    expect((await queue.job(first.id))?.state).toBe('dead')
    expect(await namesOf(queue)).toEqual(['two'])
    expect(await queue.redrive()).toBe(1)
    expect((await queue.put(item('a', 'three'))).state).toBe('duplicate')
    expect(await namesOf(queue)).toEqual(['one'])
  })
}
