import type { Claim, JobStore } from '../../queues/store/job-store.ts'
import { ensure, ensureSame, seeded } from '../law.ts'
import { itemsOf, LEASE, type StoreDriver } from './driver.ts'
import type { LawText } from './law-text.ts'

/** Texts that break what is made of texts carelessly. */
const ODD_TEXTS = [
  ...['__proto__', 'constructor', 'a:b', '{a}{b}', 'a,b', ' ', '💥', '#1', '-'],
  ...['\u0000', '\u0001\u0002\n', 'é', 'k'.repeat(5000)],
]

/** How jobs come to the processes that work on them. */
export const claimLaws: readonly LawText[] = [
  {
    name: 'a job is claimed with all that it was put with',
    async run(driver) {
      const terms = { timeout: 500, headers: { traceparent: 'a' } }
      const { id, state } = await driver.put({ deep: [1, 'two', null] }, { priority: 3, terms })
      ensureSame(state, 'waiting', 'state that insert answers')
      const claim = await driver.take()
      ensureSame(claim.record.id, id, 'id')
      ensureSame(JSON.stringify(claim.record.item), '{"deep":[1,"two",null]}', 'item')
      ensureSame(claim.record.priority, 3, 'priority')
      ensureSame(claim.record.failures, 0, 'failures')
      ensureSame(claim.record.deliveries, 1, 'deliveries')
      ensureSame(claim.record.terms?.timeout, 500, 'timeout in terms')
      ensureSame(claim.record.terms?.headers?.['traceparent'], 'a', 'headers in terms')
      await driver.expectState(id, 'running', 'after the claim')
    },
  },
  {
    name: 'a job that is claimed is not claimed again while its claim holds',
    async run(driver) {
      await driver.putAll(['a', 'b'])
      ensureSame(itemsOf(await driver.store.claim(10, LEASE)), 'a,b', 'claimed')
      await driver.none('while all run')
    },
  },
  {
    name: 'claim gives no more jobs than it is asked for',
    async run(driver) {
      await driver.putAll(['a', 'b', 'c', 'd', 'e'])
      ensureSame(itemsOf(await driver.store.claim(2, LEASE)), 'a,b', 'the first two')
      ensureSame(itemsOf(await driver.store.claim(10, LEASE)), 'c,d,e', 'the rest')
    },
  },
  {
    name: 'calls of claim that are under way at once get different jobs',
    async run(driver) {
      await driver.putAll(numbers(40))
      const calls = Array.from({ length: 20 }, async () => driver.store.claim(3, LEASE))
      expectEach((await Promise.all(calls)).flat(), 40)
    },
  },
  {
    name: 'processes that claim at once get different jobs',
    needs: ['peers'],
    async run(driver) {
      const peer = await driver.peer()
      await driver.putAll(numbers(40))
      const calls = Array.from({ length: 20 }, async (_, i) =>
        (i % 2 === 0 ? driver.store : peer).claim(3, LEASE),
      )
      expectEach((await Promise.all(calls)).flat(), 40)
    },
  },
  {
    name: 'of two calls that settle a claim at once one is told that it held',
    async run(driver) {
      await driver.putAll(numbers(5))
      for (const claim of await driver.takeAll()) {
        const calls = [1, 2, 3].map(async (value) => driver.complete(claim, value))
        const held = (await Promise.all(calls)).filter(Boolean).length
        ensureSame(held, 1, 'calls that settled the claim')
      }
      ensureSame((await driver.store.counts()).completed, 5, 'completed')
    },
  },
  {
    name: 'processes that work at once complete each job once, whatever they release and retry',
    needs: ['peers'],
    async run(driver) {
      await driver.putAll(numbers(60))
      const done: unknown[] = []
      const stores = [driver.store, await driver.peer(), await driver.peer()]
      await Promise.all(stores.map(async (store, i) => work(driver, store, seeded(i), done)))
      expectSame(done, numbers(60))
      const { completed, waiting, running } = await driver.store.counts()
      ensureSame(`${completed}/${waiting}/${running}`, '60/0/0', 'completed/waiting/running')
    },
  },
  {
    name: 'a process that closes loses nothing, and its claims hold until their lease ends',
    needs: ['peers', 'leases'],
    async run(driver) {
      const peer = await driver.peer()
      await driver.putAll(['a', 'b'])
      ensureSame(itemsOf(await peer.claim(1, 1000)), 'a', 'claimed')
      await peer.close()
      await peer.close()
      ensureSame(itemsOf(await driver.takeAll()), 'b', 'claimed by another process')
      await driver.advance(1001)
      ensureSame(itemsOf(await driver.takeAll()), 'a', 'claimed after the lease')
    },
  },
  {
    name: 'ids that the store makes are different, and get finds their jobs',
    async run(driver) {
      const inserted = await driver.putAll(numbers(50))
      ensureSame(new Set(inserted.map(({ id }) => id)).size, 50, 'different ids')
      for (const [i, { id }] of inserted.entries()) {
        ensureSame((await driver.stored(id)).item, i, `item of ${id}`)
      }
      ensureSame(await driver.store.get('unknown'), undefined, 'get of an unknown id')
    },
  },
  {
    name: 'any text is an id',
    async run(driver) {
      for (const id of ODD_TEXTS) {
        const answer = await driver.put(id, { id })
        ensureSame(answer.id, id, 'id that insert answers')
        ensureSame(answer.state, 'waiting', `state of ${JSON.stringify(id.slice(0, 20))}`)
      }
      for (const id of ODD_TEXTS) ensureSame((await driver.stored(id)).item, id, 'item')
      for (const claim of await driver.takeAll()) {
        ensureSame(claim.record.id, claim.record.item, 'id of a claim')
        ensureSame(await driver.complete(claim), true, 'settle')
      }
      ensureSame((await driver.store.counts()).completed, ODD_TEXTS.length, 'completed')
    },
  },
  {
    name: 'nothing is kept of a call of insert that rejects',
    needs: ['refusal'],
    async run(driver) {
      const { refused } = driver.exam
      ensure(refused !== undefined, 'the store under exam has no item that is refused')
      const call = async () => driver.putAll(['a', refused, 'b'], { delay: undefined })
      const error = await call().then(
        () => undefined,
        (reason: unknown) => reason,
      )
      ensure(error instanceof Error, `insert of such an item rejects with ${String(error)}`)
      const { waiting, delayed } = await driver.store.counts()
      ensureSame(waiting + delayed, 0, 'jobs that wait')
      await driver.none('after insert has rejected')
    },
  },
  {
    name: 'insert of nothing, claim of nothing and settle of nothing do nothing',
    async run(driver) {
      ensureSame((await driver.putAll([])).length, 0, 'answers of insert')
      ensureSame((await driver.store.claim(5, LEASE)).length, 0, 'claims of an empty store')
      ensureSame((await driver.store.settle([])).length, 0, 'answers of settle')
      ensureSame((await driver.store.extend([], LEASE)).length, 0, 'answers of extend')
    },
  },
]

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

/** Claims and ends jobs until there are none. */
async function work(
  driver: StoreDriver,
  store: JobStore,
  random: () => number,
  done: unknown[],
): Promise<void> {
  for (;;) {
    const claims = await store.claim(3, LEASE)
    if (claims.length === 0) return
    for (const claim of claims) {
      const error = { name: 'Error', message: 'again' }
      const chance = random()
      if (chance < 0.2) await driver.end(claim, { outcome: 'released', delay: 0 }, store)
      else if (chance < 0.4) await driver.end(claim, { outcome: 'retry', delay: 0, error }, store)
      else if (await driver.complete(claim, null, store)) done.push(claim.record.item)
    }
  }
}

function expectSame(items: readonly unknown[], expected: readonly number[]): void {
  const sorted = items.map(Number).sort((a, b) => a - b)
  ensureSame(sorted.join(), expected.join(), 'completed items')
}

function expectEach(claims: readonly Claim[], count: number): void {
  ensureSame(claims.length, count, 'claims')
  ensureSame(new Set(claims.map(({ record }) => record.id)).size, count, 'different jobs')
}
