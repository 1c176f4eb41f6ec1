import type { Inserted, JobDraft, Uniqueness } from '../../queues/store/job-store.ts'
import { ensure, ensureSame } from '../law.ts'
import { draft, itemsOf, type StoreDriver } from './driver.ts'
import type { LawText } from './law-text.ts'
import type { Kept } from './terms.ts'

const NEVER: Omit<Uniqueness, 'mode'> = { ttl: 0, delay: 0, maxDelay: 0 }

/** A law about one way to treat a draft whose id is there already. `put` puts an item with the id `key`. */
function law(
  unique: Uniqueness,
  name: string,
  run: (driver: StoreDriver, put: Put) => Promise<void>,
): LawText {
  return {
    name: `${unique.mode}: ${name}`,
    needs: [unique.mode],
    terms: { unique },
    run: (driver) => run(driver, (item, rest) => driver.put(item, { id: 'key', unique, ...rest })),
  }
}

type Put = (item: unknown, rest?: Partial<JobDraft>) => Promise<Inserted>

/** All that has ended is kept for long. */
const KEEP: Kept = { age: 1e9, count: 1000 }

const pending: Uniqueness = { mode: 'pending', ...NEVER }
const ttl: Uniqueness = { mode: 'ttl', ...NEVER, ttl: 1000 }
const coalesce: Uniqueness = { mode: 'coalesce', ...NEVER }
const latest: Uniqueness = { mode: 'latest', ...NEVER }
const debounce: Uniqueness = { mode: 'debounce', ...NEVER, delay: 100, maxDelay: 250 }

function expectDuplicate(answer: Inserted, when: string): void {
  ensureSame(answer.state, 'duplicate', `state that insert answers ${when}`)
  ensureSame(answer.id, 'key', `id that insert answers ${when}`)
}

/** What happens to a job whose id is there already. */
export const uniqueLaws: readonly LawText[] = [
  {
    name: 'an id of the caller is taken once, while its job is there and for a time after it',
    terms: { idTtl: 1000 },
    async run(driver) {
      const put = (item: unknown) => driver.put(item, { id: 'key' })
      ensureSame((await put('a')).state, 'waiting', 'state that insert answers')
      expectDuplicate(await put('b'), 'while it waits')
      const claim = await driver.take()
      expectDuplicate(await put('b'), 'while it runs')
      ensureSame((await driver.stored('key')).item, 'a', 'item')
      await driver.complete(claim)
      expectDuplicate(await put('b'), 'when it has completed')
      await driver.advance(999)
      expectDuplicate(await put('b'), 'just before the id is forgotten')
      await driver.none('of all these')
      await driver.advance(2)
      ensureSame((await put('b')).state, 'waiting', 'state when the id is forgotten')
      ensureSame(itemsOf(await driver.takeAll()), 'b', 'claimed')
    },
  },
  {
    name: 'an id of the caller that is remembered can be removed, and is free then',
    terms: { idTtl: 1000 },
    async run(driver) {
      const put = (item: unknown) => driver.put(item, { id: 'key' })
      await put('a')
      await driver.complete(await driver.take())
      ensureSame(await driver.store.remove('key'), true, 'remove')
      ensureSame(await driver.store.remove('key'), false, 'remove again')
      ensureSame((await put('b')).state, 'waiting', 'state when it was removed')
      await driver.complete(await driver.take())
      await driver.advance(1001)
      ensureSame(await driver.store.remove('key'), false, 'remove when the id is forgotten')
    },
  },
  {
    name: 'an id of the caller is taken while its job is dead, and redrive brings the first item back',
    async run(driver) {
      const id = await driver.dead('a', 'broken', { id: 'key' })
      expectDuplicate(await driver.put('b', { id }), 'while the job is dead')
      await driver.store.redrive({ ids: [id] })
      expectDuplicate(await driver.put('b', { id }), 'after redrive')
      ensureSame(itemsOf(await driver.takeAll()), 'a', 'claimed')
    },
  },
  {
    name: 'an id that comes twice in one call of insert is kept once',
    async run(driver) {
      const answers = await driver.putAll(['a', 'b', 'c'], { id: 'key' })
      const states = answers.map(({ state }) => state).join()
      ensureSame(states, 'waiting,duplicate,duplicate', 'states')
      ensureSame(itemsOf(await driver.takeAll()), 'a', 'claimed')
    },
  },
  law(pending, 'refused while the first one waits or runs, and then taken', async (driver, put) => {
    ensureSame((await put('a')).state, 'waiting', 'state of the first')
    expectDuplicate(await put('b'), 'while it waits')
    const claim = await driver.take()
    expectDuplicate(await put('b'), 'while it runs')
    await driver.retry(claim, 10)
    expectDuplicate(await put('b'), 'while it waits for its retry')
    await driver.advance(11)
    await driver.complete(await driver.take())
    ensureSame((await put('c')).state, 'waiting', 'state when the first has completed')
    ensureSame(itemsOf(await driver.takeAll()), 'c', 'claimed')
  }),
  law(pending, 'a job has no outcome of an older one with its id', async (driver, put) => {
    await put('a', { awaited: true })
    await driver.complete(await driver.take(), 'of a')
    await put('b')
    ensureSame(await driver.store.outcome('key'), undefined, 'outcome while the second waits')
    await driver.complete(await driver.take(), 'of b')
    const outcome = await driver.store.outcome('key')
    ensure(outcome?.state === 'completed', `outcome is ${outcome?.state}`)
    ensureSame(outcome.value, 'of b', 'value')
  }),
  law(pending, 'a dead job makes way', async (driver, put) => {
    await put('a')
    await driver.fail(await driver.take())
    ensureSame((await put('b')).state, 'waiting', 'state when the first is dead')
    ensureSame((await driver.store.counts()).dead, 0, 'dead')
    ensureSame(itemsOf(await driver.takeAll()), 'b', 'claimed')
  }),
  {
    ...law(
      pending,
      'a late claim of the first one does not settle the second',
      async (driver, put) => {
        await put('a')
        const late = await driver.take(1000)
        await driver.advance(1001)
        await driver.complete(await driver.take())
        await put('b')
        const claim = await driver.take()
        ensureSame(await driver.complete(late), false, 'settle by the late claim')
        ensureSame(await driver.extend(late), false, 'extend by the late claim')
        ensureSame(await driver.complete(claim), true, 'settle')
      },
    ),
    needs: ['pending', 'leases'],
  },
  law(ttl, 'refused for a time from its put, though it has completed', async (driver, put) => {
    await put('a')
    await driver.advance(500)
    expectDuplicate(await put('b'), 'while it waits')
    await driver.complete(await driver.take())
    await driver.advance(499)
    expectDuplicate(await put('b'), 'when it has completed')
    await driver.advance(2)
    ensureSame((await put('c')).state, 'waiting', 'state after its time')
    ensureSame(itemsOf(await driver.takeAll()), 'c', 'claimed')
  }),
  {
    ...law(ttl, 'refused for its time though the completed job is kept', async (driver, put) => {
      await put('a')
      await driver.complete(await driver.take())
      expectDuplicate(await put('b'), 'when it has completed')
      await driver.expectState('key', 'completed', 'of the first')
      await driver.advance(1001)
      ensureSame((await put('c')).state, 'waiting', 'state after its time')
      ensureSame(itemsOf(await driver.takeAll()), 'c', 'claimed')
    }),
    terms: { unique: ttl, keep: { completed: KEEP, dead: KEEP } },
  },
  law(ttl, 'refused while it runs, however long that takes', async (driver, put) => {
    await put('a')
    const claim = await driver.take()
    await driver.advance(1500)
    expectDuplicate(await put('b'), 'after its time, while it runs')
    await driver.complete(claim)
    ensureSame((await put('c')).state, 'waiting', 'state when it has completed')
  }),
  law(ttl, 'a job that failed is forgotten at once', async (driver, put) => {
    await put('a')
    await driver.fail(await driver.take())
    ensureSame((await put('b')).state, 'waiting', 'state when the first is dead')
  }),
  law(coalesce, 'all get the one result', async (driver, put) => {
    await put('a', { awaited: true })
    expectDuplicate(await put('b', { awaited: true }), 'while it waits')
    const claim = await driver.take()
    expectDuplicate(await put('c', { awaited: true }), 'while it runs')
    const told = driver.listen()
    await driver.complete(claim, 42)
    await told.until('settled', () => told.settled.has('key'))
    await driver.none('of those that joined')
    ensureSame((await put('d')).state, 'waiting', 'state when the first has completed')
    ensureSame(itemsOf(await driver.takeAll()), 'd', 'claimed')
    told.end()
  }),
  {
    ...law(coalesce, 'a process that joins gets the result too', async (driver, put) => {
      const peer = await driver.peer()
      const told = driver.listen(peer)
      await put('a')
      const joined = draft({ item: 'b', id: 'key', unique: coalesce, awaited: true })
      await peer.insert([joined], { maxSize: 100, overflow: 'refuse' })
      await driver.complete(await driver.take(), 42)
      await told.until('settled', () => told.settled.has('key'))
      ensureSame((await peer.outcome('key'))?.state, 'completed', 'outcome')
      told.end()
    }),
    needs: ['coalesce', 'peers'],
  },
  law(latest, 'the newest item takes the place of the one that waits', async (driver, put) => {
    await put('a')
    await driver.put('x')
    expectDuplicate(await put('b'), 'while it waits')
    expectDuplicate(await put('c'), 'while it waits')
    ensureSame((await driver.stored('key')).item, 'c', 'item')
    ensureSame(itemsOf(await driver.takeAll()), 'c,x', 'order')
  }),
  law(latest, 'what comes while it runs is done once more after it', async (driver, put) => {
    await put('a')
    const claim = await driver.take()
    expectDuplicate(await put('b'), 'while it runs')
    expectDuplicate(await put('c'), 'while it runs')
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
          await put('a', { awaited: true })
          const claim = await driver.take()
          ensureSame(await driver.store.cancel('key', 'enough'), true, 'cancel')
          expectDuplicate(await put('b', { awaited: true }), 'while it runs')
          await driver.none('while it runs')
          ensureSame(await driver[ending](claim), true, 'settle')
          const again = await driver.take()
          ensureSame(again.record.item, 'b', 'item of the second run')
          ensureSame(await driver.complete(again, 'of b'), true, 'settle')
          const outcome = await driver.store.outcome('key')
          ensure(outcome?.state === 'completed', `outcome is ${outcome?.state}`)
          ensureSame(outcome.value, 'of b', 'value')
          await driver.none('after the second run')
        },
      ),
    ),
  ),
  law(latest, 'a cancel calls off what was to be done once more, too', async (driver, put) => {
    await put('a')
    const claim = await driver.take()
    await put('b')
    await driver.store.cancel('key', 'enough')
    await driver.fail(claim)
    await driver.expectState('key', undefined, 'of the cancelled job')
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
    await put('a', { awaited: true })
    const claim = await driver.take()
    await put('b', { awaited: true })
    await driver.complete(claim, 'of a')
    ensureSame(await driver.store.outcome('key'), undefined, 'outcome before the second run')
    await driver.complete(await driver.take(), 'of b')
    const outcome = await driver.store.outcome('key')
    ensure(outcome?.state === 'completed', `outcome is ${outcome?.state}`)
    ensureSame(outcome.value, 'of b', 'value')
  }),
  law(
    debounce,
    'due when nothing came for the delay, with the newest item',
    async (driver, put) => {
      ensureSame((await put('a')).state, 'delayed', 'state that insert answers')
      await driver.advance(80)
      expectDuplicate(await put('b'), 'while it waits')
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
    await put('a')
    await driver.advance(100)
    const claim = await driver.take()
    expectDuplicate(await put('b'), 'while it runs')
    await driver.complete(claim)
    await driver.advance(250)
    const again = await driver.take()
    ensureSame(again.record.item, 'b', 'item of the second run')
    await driver.complete(again)
    await driver.advance(250)
    await driver.none('after the second run')
  }),
]
