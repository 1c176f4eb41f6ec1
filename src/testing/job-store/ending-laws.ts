import { ensure, ensureSame } from '../law.ts'
import { draft, failure, itemsOf, LEASE } from './driver.ts'
import type { LawText } from './law-text.ts'

/** How claims end. */
export const endingLaws: readonly LawText[] = [
  {
    name: 'a completed job is never claimed again, and counts',
    async run(driver) {
      const { id } = await driver.put('a')
      ensureSame(await driver.complete(await driver.take(), 42), true, 'settle')
      await driver.none('after it has completed')
      const { completed, failed, running } = await driver.store.counts()
      ensureSame(completed, 1, 'completed')
      ensureSame(failed, 0, 'failed')
      ensureSame(running, 0, 'running')
      await driver.expectState(id, undefined, 'of a completed job that is not kept')
    },
  },
  {
    name: 'a claim is settled once',
    async run(driver) {
      await driver.put('a')
      const claim = await driver.take()
      ensureSame(await driver.complete(claim), true, 'the first time')
      ensureSame(await driver.complete(claim), false, 'the second time')
      ensureSame(await driver.fail(claim), false, 'with another ending')
      const { completed, failed } = await driver.store.counts()
      ensureSame(`${completed}/${failed}`, '1/0', 'completed/failed')
    },
  },
  {
    name: 'settle answers for each claim in their order',
    async run(driver) {
      await driver.putAll(['a', 'b', 'c', 'd'])
      const [a, b, c, d] = await driver.store.claim(4, LEASE)
      ensure(a !== undefined && b !== undefined && c !== undefined && d !== undefined, 'four')
      await driver.complete(b)
      const done = { outcome: 'completed', value: 1 } as const
      const failed = { outcome: 'failed', error: failure('broken') } as const
      const answers = await driver.store.settle([
        { claim: a, ending: done },
        { claim: b, ending: done },
        { claim: c, ending: failed },
        { claim: c, ending: done },
        { claim: d, ending: { outcome: 'released', delay: 0 } },
      ])
      ensureSame(answers.join(), 'true,false,true,false,true', 'answers')
      const counts = await driver.store.counts()
      ensureSame(`${counts.completed}/${counts.dead}/${counts.waiting}`, '2/1/1', 'counts')
    },
  },
  {
    name: 'an older claim of a job settles, extends and tells nothing',
    async run(driver) {
      const { id } = await driver.put('a')
      const old = await driver.take()
      await driver.release(old)
      const held = await driver.take()
      ensure(held.delivery > old.delivery, `delivery ${held.delivery} after ${old.delivery}`)
      ensureSame(await driver.complete(old), false, 'settle by the older claim')
      ensureSame(await driver.retry(old), false, 'retry by the older claim')
      ensureSame(await driver.release(old), false, 'release by the older claim')
      ensureSame(await driver.extend(old), false, 'extend by the older claim')
      ensureSame(await driver.store.progress(old, 1), false, 'progress by the older claim')
      await driver.expectState(id, 'running', 'after all that')
      ensureSame((await driver.stored(id)).progress, undefined, 'progress')
      ensureSame(await driver.complete(held), true, 'settle by the newer claim')
    },
  },
  {
    name: 'what is no claim settles nothing',
    async run(driver) {
      const { id } = await driver.put('a')
      const claim = await driver.take()
      const other = { ...claim, delivery: claim.delivery + 1, token: `${claim.token}x` }
      ensureSame(await driver.complete(other), false, 'settle')
      ensureSame(await driver.extend(other), false, 'extend')
      await driver.expectState(id, 'running', 'afterwards')
    },
  },
  {
    name: 'a job that fails for good is dead, with its error',
    async run(driver) {
      const { id } = await driver.put('a')
      const error = { name: 'TypeError', message: 'broken', code: 'E_BROKEN' }
      const claim = await driver.take()
      ensureSame(await driver.end(claim, { outcome: 'failed', error }), true, 'settle')
      await driver.none('a dead job')
      const job = await driver.stored(id)
      ensureSame(job.state, 'dead', 'state')
      ensureSame(job.failures, 1, 'failures')
      ensureSame(job.error?.name, 'TypeError', 'name of its error')
      ensureSame(job.error?.message, 'broken', 'message of its error')
      ensureSame(job.error?.code, 'E_BROKEN', 'code of its error')
      const { dead, failed } = await driver.store.counts()
      ensureSame(`${dead}/${failed}`, '1/1', 'dead/failed')
    },
  },
  {
    name: 'a retry counts a failure and waits for its delay',
    async run(driver) {
      const { id } = await driver.put('a')
      ensureSame(await driver.retry(await driver.take(), 100, 'once'), true, 'settle')
      const job = await driver.stored(id)
      ensureSame(job.state, 'delayed', 'state')
      ensureSame(job.failures, 1, 'failures')
      ensureSame(job.error?.message, 'once', 'error')
      await driver.advance(99)
      await driver.none('a millisecond early')
      await driver.advance(1)
      const second = await driver.take()
      ensureSame(second.record.failures, 1, 'failures at the second claim')
      ensureSame(second.record.deliveries, 2, 'deliveries at the second claim')
      await driver.retry(second)
      const third = await driver.take()
      ensureSame(third.record.failures, 2, 'failures at the third claim')
    },
  },
  {
    name: 'a release counts neither a failure nor a loss',
    terms: { maxDeliveries: 2 },
    async run(driver) {
      const { id } = await driver.put('a')
      for (let i = 0; i < 5; i++) {
        ensureSame(await driver.release(await driver.take()), true, `release ${i}`)
      }
      const claim = await driver.take()
      ensureSame(claim.record.failures, 0, 'failures')
      await driver.expectState(id, 'running', 'after five releases')
      ensureSame((await driver.store.counts()).failed, 0, 'failed')
    },
  },
  {
    name: 'retries count no losses',
    terms: { maxDeliveries: 2 },
    async run(driver) {
      const { id } = await driver.put('a')
      for (let i = 0; i < 5; i++) await driver.retry(await driver.take())
      ensureSame((await driver.take()).record.failures, 5, 'failures')
      await driver.expectState(id, 'running', 'after five retries')
    },
  },
  {
    name: 'the delivery number rises with every claim',
    async run(driver) {
      await driver.put('a')
      let last = 0
      for (let i = 0; i < 4; i++) {
        const claim = await driver.take()
        ensure(claim.delivery > last, `delivery ${claim.delivery} after ${last}`)
        ensureSame(claim.record.deliveries, i + 1, 'deliveries')
        last = claim.delivery
        await (i % 2 === 0 ? driver.release(claim) : driver.retry(claim))
      }
    },
  },
  {
    name: 'progress is kept while the claim holds',
    async run(driver) {
      const { id } = await driver.put('a')
      const claim = await driver.take()
      ensureSame(await driver.store.progress(claim, 0.5), true, 'answer')
      ensureSame((await driver.stored(id)).progress, 0.5, 'progress')
      await driver.complete(claim)
      ensureSame(await driver.store.progress(claim, 1), false, 'answer after the end')
    },
  },
  {
    name: 'the last five attempts are kept, with their errors',
    needs: ['tries'],
    async run(driver) {
      const { id } = await driver.put('a')
      for (let i = 1; i < 7; i++) await driver.retry(await driver.take(), 0, `error ${i}`)
      await driver.advance(10)
      await driver.fail(await driver.take(), 'error 7')
      const { tries, startedAt, endedAt } = await driver.stored(id)
      const errors = tries.map(({ error }) => error?.message).join()
      ensureSame(errors, 'error 3,error 4,error 5,error 6,error 7', 'errors of the attempts')
      ensure(startedAt !== undefined && endedAt === startedAt + 10, `endedAt is ${endedAt}`)
    },
  },
  {
    name: 'dead jobs are kept no longer and no more of them than was said',
    terms: {
      keep: { completed: { age: 0, count: 0 }, dead: { age: 1000, count: 3 } },
    },
    async run(driver) {
      for (const item of ['a', 'b', 'c', 'd', 'e']) {
        await driver.dead(item)
        await driver.advance(10)
      }
      await driver.none('dead jobs')
      ensureSame(
        itemsOf(await driver.listed('dead'))
          .split(',')
          .sort()
          .join(),
        'c,d,e',
        'kept',
      )
      ensureSame((await driver.store.counts()).dead, 3, 'dead')
      await driver.advance(1000)
      await driver.none('dead jobs')
      ensureSame(itemsOf(await driver.listed('dead')), '', 'kept after their time')
      const { dead, failed } = await driver.store.counts()
      ensureSame(`${dead}/${failed}`, '0/5', 'dead/failed')
    },
  },
  {
    name: 'dead jobs are not kept where `keep` is 0',
    terms: { keep: { completed: { age: 0, count: 0 }, dead: { age: 0, count: 0 } } },
    async run(driver) {
      const id = await driver.dead('a')
      await driver.expectState(id, undefined, 'of a dead job')
      const { dead, failed } = await driver.store.counts()
      ensureSame(`${dead}/${failed}`, '0/1', 'dead/failed')
    },
  },
  {
    name: 'completed jobs are kept with their results, no longer and no more than was said',
    terms: {
      keep: { completed: { age: 1000, count: 2 }, dead: { age: 1000, count: 2 } },
    },
    async run(driver) {
      for (const item of ['a', 'b', 'c']) {
        await driver.store.insert([draft({ item, id: item })], {
          maxSize: 10,
          overflow: 'refuse',
        })
        await driver.complete(await driver.take(), `result of ${item}`)
        await driver.advance(10)
      }
      await driver.none('completed jobs')
      await driver.expectState('a', undefined, 'of the first')
      const job = await driver.stored('c')
      ensureSame(job.state, 'completed', 'state')
      ensureSame(job.result, 'result of c', 'result')
      const listed = itemsOf(await driver.listed('completed'))
      ensureSame(listed.split(',').sort().join(), 'b,c', 'listed')
      await driver.advance(1000)
      await driver.none('completed jobs')
      ensureSame(itemsOf(await driver.listed('completed')), '', 'kept after their time')
      ensureSame((await driver.store.counts()).completed, 3, 'completed')
    },
  },
]
