import type { Claim, Redrive } from '../../queues/store/job-store.ts'
import { ensure, ensureSame } from '../law.ts'
import { draft, itemsOf, type StoreDriver } from './driver.ts'
import type { LawText } from './law-text.ts'
import type { Kept } from './terms.ts'
import { coalesce, debounce, expectDuplicate, latest, law, pending, ttl } from './unique-law.ts'

/** All that has ended is kept for long. */
const KEEP: Kept = { age: 1e9, count: 1000 }

/** When a newer item meets a job, and what becomes of the claim of that. */
const MEETINGS: Readonly<
  Record<
    string,
    {
      before(driver: StoreDriver): Promise<Claim | undefined>
      after(driver: StoreDriver, claim: Claim): Promise<unknown>
    }
  >
> = {
  'while the first one waits': { before: async () => undefined, after: async () => {} },
  'while the first one waits for its retry': {
    async before(driver) {
      await driver.retry(await driver.take(), 500)
      return undefined
    },
    after: async () => {},
  },
  'after the first one has completed': {
    before: (driver) => driver.take(),
    after: (driver, claim) => driver.complete(claim),
  },
  'after a retry': {
    before: (driver) => driver.take(),
    after: (driver, claim) => driver.retry(claim, 500),
  },
  'after a release': {
    before: (driver) => driver.take(),
    after: (driver, claim) => driver.release(claim),
  },
}

/** How dead jobs are told that wait again. */
const REDRIVES: Readonly<Record<string, (ids: readonly string[]) => Redrive>> = {
  'of all': () => ({}),
  'by their ids': (ids) => ({ ids }),
  'by their error': () => ({ error: 'broken' }),
  'by both': (ids) => ({ ids, error: 'broken' }),
  'among the latest': () => ({ latest: 4 }),
}

/** What happens to a job whose dedupe key is taken. */
export const dedupeLaws: readonly LawText[] = [
  law(pending, 'refused while the first one waits or runs, and then taken', async (driver, put) => {
    const { id, state } = await put('a')
    ensureSame(state, 'waiting', 'state of the first')
    expectDuplicate(await put('b'), id, 'while it waits')
    const claim = await driver.take()
    expectDuplicate(await put('b'), id, 'while it runs')
    await driver.retry(claim, 10)
    expectDuplicate(await put('b'), id, 'while it waits for its retry')
    await driver.advance(11)
    await driver.complete(await driver.take())
    ensureSame((await put('c')).state, 'waiting', 'state when the first has completed')
    ensureSame(itemsOf(await driver.takeAll()), 'c', 'claimed')
  }),
  law(pending, 'a dead job makes way', async (driver, put) => {
    await put('a')
    await driver.fail(await driver.take())
    ensureSame((await put('b')).state, 'waiting', 'state when the first is dead')
    ensureSame((await driver.store.counts()).dead, 1, 'dead')
    ensureSame(itemsOf(await driver.takeAll()), 'b', 'claimed')
  }),
  law(pending, 'a dead job stays dead while another one has its key', async (driver, put) => {
    const first = await put('a')
    await driver.fail(await driver.take())
    const other = await driver.dead('other')
    const second = await put('b')
    ensureSame(await driver.store.redrive({ ids: [first.id] }), 0, 'redriven by its id')
    ensureSame(await driver.store.redrive({ limit: 1 }), 1, 'redriven of two')
    ensureSame(await driver.store.redrive({}), 0, 'redriven of the one that is left')
    await driver.expectState(other, 'waiting', 'of a dead job behind it')
    await driver.expectState(first.id, 'dead', 'of the first')
    for (const claim of await driver.takeAll()) await driver.complete(claim)
    await driver.expectState(second.id, undefined, 'of the second')
    ensureSame(await driver.store.redrive({}), 1, 'redriven when the second has completed')
    expectDuplicate(await put('c'), first.id, 'when the first waits again')
    ensureSame(itemsOf(await driver.takeAll()), 'a', 'claimed')
  }),
  ...Object.entries(REDRIVES).map(([how, which]) =>
    law(pending, `redrive goes on past those that stay dead, ${how}`, async (driver, put) => {
      const dead = []
      for (const item of ['a', 'b']) {
        dead.push((await put(item)).id)
        await driver.fail(await driver.take(), 'broken')
      }
      for (const item of ['c', 'd']) dead.push(await driver.dead(item, 'broken'))
      await put('has the key')
      const { store } = driver
      ensureSame(await store.redrive({ ...which(dead), limit: 1 }), 1, 'redriven of one at most')
      await driver.expectState(dead[2] as string, 'waiting', 'of the first that could')
      await driver.expectState(dead[3] as string, 'dead', 'of the other')
      ensureSame(await store.redrive({ ...which(dead), limit: 9 }), 1, 'redriven of those left')
    }),
  ),
  ...([pending, ttl, latest] as const).flatMap((unique) =>
    (['remove', 'clear', 'cancel', 'drop'] as const).map((way) =>
      law(unique, `the key of a job that waits is free after ${way}`, async (driver, put) => {
        const { id } = await put('a')
        const { store } = driver
        if (way === 'remove') ensureSame(await store.remove(id), true, 'remove')
        if (way === 'clear') ensureSame((await store.clear()).join(), 'a', 'cleared')
        if (way === 'cancel') ensureSame(await store.cancel(id, 'enough'), true, 'cancel')
        if (way === 'drop') await driver.put('x', {}, { maxSize: 1, overflow: 'drop-oldest' })
        ensureSame((await put('b')).state, 'waiting', `state after ${way}`)
      }),
    ),
  ),
  law(ttl, 'refused for a time from its put, though it has completed', async (driver, put) => {
    const { id } = await put('a')
    await driver.advance(500)
    expectDuplicate(await put('b'), id, 'while it waits')
    await driver.complete(await driver.take())
    await driver.advance(499)
    expectDuplicate(await put('b'), id, 'when it has completed')
    await driver.advance(2)
    ensureSame((await put('c')).state, 'waiting', 'state after its time')
    ensureSame(itemsOf(await driver.takeAll()), 'c', 'claimed')
  }),
  {
    ...law(ttl, 'refused for its time though the completed job is kept', async (driver, put) => {
      const { id } = await put('a')
      await driver.complete(await driver.take())
      expectDuplicate(await put('b'), id, 'when it has completed')
      await driver.expectState(id, 'completed', 'of the first')
      await driver.advance(1001)
      ensureSame((await put('c')).state, 'waiting', 'state after its time')
      ensureSame(itemsOf(await driver.takeAll()), 'c', 'claimed')
    }),
    terms: { unique: ttl, keep: { completed: KEEP, dead: KEEP } },
  },
  law(ttl, 'refused while it runs, however long that takes', async (driver, put) => {
    const { id } = await put('a')
    const claim = await driver.take()
    await driver.advance(1500)
    expectDuplicate(await put('b'), id, 'after its time, while it runs')
    await driver.complete(claim)
    ensureSame((await put('c')).state, 'waiting', 'state when it has completed')
  }),
  law(ttl, 'a job that failed is forgotten at once', async (driver, put) => {
    await put('a')
    await driver.fail(await driver.take())
    ensureSame((await put('b')).state, 'waiting', 'state when the first is dead')
  }),
  law(coalesce, 'all get the one result', async (driver, put) => {
    const { id } = await put('a', { awaited: true })
    expectDuplicate(await put('b', { awaited: true }), id, 'while it waits')
    const claim = await driver.take()
    expectDuplicate(await put('c', { awaited: true }), id, 'while it runs')
    const told = driver.listen()
    await driver.complete(claim, 42)
    await told.until('settled', () => told.settled.has(id))
    await driver.none('of those that joined')
    ensureSame((await put('d')).state, 'waiting', 'state when the first has completed')
    ensureSame(itemsOf(await driver.takeAll()), 'd', 'claimed')
    told.end()
  }),
  {
    ...law(coalesce, 'a process that joins gets the result too', async (driver, put) => {
      const peer = await driver.peer()
      const told = driver.listen(peer)
      const { id } = await put('a')
      const joined = draft({ item: 'b', unique: { ...coalesce, key: 'key' }, awaited: true })
      await peer.insert([joined], { maxSize: 100, overflow: 'refuse' })
      await driver.complete(await driver.take(), 42)
      await told.until('settled', () => told.settled.has(id))
      ensureSame((await peer.outcome(id))?.state, 'completed', 'outcome')
      told.end()
    }),
    needs: ['coalesce', 'peers'],
  },
  law(latest, 'the newest item takes the place of the one that waits', async (driver, put) => {
    const { id } = await put('a')
    await driver.put('x')
    expectDuplicate(await put('b'), id, 'while it waits')
    expectDuplicate(await put('c'), id, 'while it waits')
    ensureSame((await driver.stored(id)).item, 'c', 'item')
    ensureSame(itemsOf(await driver.takeAll()), 'c,x', 'order')
  }),
  ...Object.entries(MEETINGS).map(([when, { before, after }]) => ({
    ...law(latest, `what the newest item was put with counts, ${when}`, async (driver, put) => {
      const first = { group: 'a', limiterKey: 'x', cost: 1 }
      const newest = { group: 'b', limiterKey: 'y', cost: 2, priority: 5, terms: { timeout: 7 } }
      const { id } = await put('old', first)
      const claim = await before(driver)
      await driver.put('other', { priority: 3, group: 'b', limiterKey: 'z' })
      expectDuplicate(await put('new', newest), id, when)
      if (claim !== undefined) await after(driver, claim)
      const stored = await driver.stored(id)
      for (const [name, value] of Object.entries(newest)) {
        ensureSame(JSON.stringify(stored[name as keyof typeof newest]), JSON.stringify(value), name)
      }
      await driver.advance(1000)
      const claims = await driver.takeAll()
      ensureSame(itemsOf(claims), 'new,other', 'order')
      for (const one of claims) ensureSame(await driver.complete(one), true, 'settle')
    }),
    needs: ['latest', 'groups'] as const,
  })),
  {
    ...law(
      latest,
      'an item that runs keeps its place in the bound of its group',
      async (driver, put) => {
        await put('old', { group: 'a' })
        const claim = await driver.take()
        await put('new', { group: 'b' })
        await driver.put('next of a', { group: 'a' })
        await driver.put('next of b', { group: 'b' })
        const [next] = await driver.takeAll()
        ensureSame(next?.record.item, 'next of b', 'claimed while it runs')
        await driver.complete(claim)
        ensureSame(itemsOf(await driver.takeAll()), 'next of a', 'claimed when it has completed')
        if (next !== undefined) await driver.complete(next)
        ensureSame(itemsOf(await driver.takeAll()), 'new', 'claimed when group b has a place')
      },
    ),
    needs: ['latest', 'groups'],
    terms: { unique: latest, groupConcurrency: 1 },
  },
  law(latest, 'what comes while it runs is done once more after it', async (driver, put) => {
    const { id } = await put('a')
    const claim = await driver.take()
    expectDuplicate(await put('b'), id, 'while it runs')
    expectDuplicate(await put('c'), id, 'while it runs')
    await driver.none('while it runs')
    ensureSame(await driver.complete(claim), true, 'settle')
    const again = await driver.take()
    ensureSame(again.record.item, 'c', 'item of the second run')
    ensureSame(again.record.failures, 0, 'failures of the second run')
    ensure(again.delivery > claim.delivery, 'the second run has a delivery number of the first')
    ensureSame(await driver.complete(claim), false, 'settle by the first claim')
    ensureSame(await driver.complete(again), true, 'settle')
    await driver.none('after the second run')
    ensureSame((await driver.store.counts()).completed, 2, 'completed')
  }),
  ...[latest, coalesce].flatMap((unique) =>
    (['complete', 'fail', 'retry', 'release'] as const).map((ending) =>
      law(
        unique,
        `what comes after the cancel of what runs is done after it: ${ending}`,
        async (driver, put) => {
          const { id } = await put('a', { awaited: true })
          const claim = await driver.take()
          ensureSame(await driver.store.cancel(id, 'enough'), true, 'cancel')
          expectDuplicate(await put('b', { awaited: true }), id, 'while it runs')
          await driver.none('while it runs')
          ensureSame(await driver[ending](claim), true, 'settle')
          const again = await driver.take()
          ensureSame(again.record.item, 'b', 'item of the second run')
          ensureSame(await driver.complete(again, 'of b'), true, 'settle')
          const outcome = await driver.store.outcome(id)
          ensure(outcome?.state === 'completed', `outcome is ${outcome?.state}`)
          ensureSame(outcome.value, 'of b', 'value')
          await driver.none('after the second run')
        },
      ),
    ),
  ),
  law(latest, 'a cancel calls off what was to be done once more, too', async (driver, put) => {
    const { id } = await put('a')
    const claim = await driver.take()
    await put('b')
    await driver.store.cancel(id, 'enough')
    await driver.fail(claim)
    await driver.expectState(id, undefined, 'of the cancelled job')
    await driver.none('after the cancel')
  }),
  law(latest, 'a retry does the newest item, and nothing once more', async (driver, put) => {
    await put('a')
    const claim = await driver.take()
    await put('b')
    await driver.retry(claim)
    const again = await driver.take()
    ensureSame(again.record.item, 'b', 'item of the retry')
    await driver.complete(again)
    await driver.none('after the retry')
  }),
  law(latest, 'an awaited job has the outcome of its newest item', async (driver, put) => {
    const { id } = await put('a', { awaited: true })
    const claim = await driver.take()
    await put('b', { awaited: true })
    await driver.complete(claim, 'of a')
    ensureSame(await driver.store.outcome(id), undefined, 'outcome before the second run')
    await driver.complete(await driver.take(), 'of b')
    const outcome = await driver.store.outcome(id)
    ensure(outcome?.state === 'completed', `outcome is ${outcome?.state}`)
    ensureSame(outcome.value, 'of b', 'value')
  }),
  law(
    debounce,
    'due when nothing came for the delay, with the newest item',
    async (driver, put) => {
      const { id, state } = await put('a')
      ensureSame(state, 'delayed', 'state that insert answers')
      await driver.advance(80)
      expectDuplicate(await put('b'), id, 'while it waits')
      await driver.advance(99)
      await driver.none('before it was quiet for the delay')
      await driver.advance(1)
      ensureSame(itemsOf(await driver.takeAll()), 'b', 'claimed')
    },
  ),
  law(debounce, 'due at most maxDelay after the first', async (driver, put) => {
    for (const item of ['a', 'b', 'c']) {
      await put(item)
      await driver.advance(80)
    }
    await put('d')
    await driver.advance(9)
    await driver.none('before maxDelay')
    await driver.advance(1)
    ensureSame(itemsOf(await driver.takeAll()), 'd', 'claimed')
  }),
  law(debounce, 'what comes while it runs is done once more after it', async (driver, put) => {
    const { id } = await put('a')
    await driver.advance(100)
    const claim = await driver.take()
    expectDuplicate(await put('b'), id, 'while it runs')
    await driver.complete(claim)
    await driver.advance(250)
    const again = await driver.take()
    ensureSame(again.record.item, 'b', 'item of the second run')
    await driver.complete(again)
    await driver.advance(250)
    await driver.none('after the second run')
  }),
]
