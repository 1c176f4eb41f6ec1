import type { Claim } from '../../queues/store/job-store.ts'
import { ensure, ensureSame } from '../law.ts'
import { itemsOf, LEASE } from './driver.ts'
import type { LawText } from './under-exam.ts'

/** Texts that break what is made of texts carelessly. */
const ODD_TEXTS = [
  ...['__proto__', 'constructor', 'a:b', '{a}{b}', 'a,b', ' ', '💥', '#1', '-'],
  ...['\u0000', '\u0001\u0002\n', 'é', 'k'.repeat(5000)],
]

/** How jobs come to those that work on them. */
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

function expectEach(claims: readonly Claim[], count: number): void {
  ensureSame(claims.length, count, 'claims')
  ensureSame(new Set(claims.map(({ record }) => record.id)).size, count, 'different jobs')
}
