import { ensure, ensureSame } from '../law.ts'
import { itemsOf } from './driver.ts'
import type { LawText } from './law-text.ts'

/** What happens to claims after their lease. A store may give one up a little early, by what clocks may differ. */
const texts: readonly LawText[] = [
  {
    name: 'a claim holds for its lease',
    async run(driver) {
      await driver.put('a')
      const claim = await driver.take(1000)
      await driver.advance(950)
      await driver.none('before the lease has ended')
      ensureSame(await driver.complete(claim), true, 'settle in time')
    },
  },
  {
    name: 'a job whose lease has run out is claimed again, and the loss is no failure',
    async run(driver) {
      const { id } = await driver.put('a')
      const lost = await driver.take(1000)
      await driver.advance(1001)
      const claim = await driver.take(1000)
      ensureSame(claim.record.id, id, 'id')
      ensure(claim.delivery > lost.delivery, `delivery ${claim.delivery} after ${lost.delivery}`)
      ensureSame(claim.record.deliveries, 2, 'deliveries')
      ensureSame(claim.record.failures, 0, 'failures')
      await driver.none('while the second claim holds')
    },
  },
  {
    name: 'a claim that was lost settles nothing, and the newer one does',
    async run(driver) {
      const { id } = await driver.put('a')
      const lost = await driver.take(1000)
      await driver.advance(1001)
      const held = await driver.take(1000)
      ensureSame(await driver.complete(lost), false, 'complete, too late')
      ensureSame(await driver.fail(lost), false, 'fail, too late')
      ensureSame(await driver.release(lost), false, 'release, too late')
      ensureSame(await driver.extend(lost, 10_000), false, 'extend, too late')
      ensureSame(await driver.store.progress(lost, 1), false, 'progress, too late')
      await driver.expectState(id, 'running', 'after all that')
      ensureSame(await driver.complete(held), true, 'complete by the newer claim')
      const { completed, failed } = await driver.store.counts()
      ensureSame(`${completed}/${failed}`, '1/0', 'completed/failed')
    },
  },
  {
    name: 'a claim that is extended holds for another lease from then on',
    async run(driver) {
      await driver.put('a')
      const claim = await driver.take(1000)
      for (let i = 0; i < 5; i++) {
        await driver.advance(900)
        ensureSame(await driver.extend(claim, 1000), true, `extend ${i}`)
      }
      await driver.advance(950)
      await driver.none('while it is held')
      ensureSame(await driver.extend(claim, 1000), true, 'extend in time')
      await driver.advance(1001)
      ensureSame(itemsOf(await driver.takeAll()), 'a', 'claimed after the last lease')
      ensureSame(await driver.extend(claim, 1000), false, 'extend, too late')
    },
  },
  {
    name: 'extend answers for each claim in their order',
    async run(driver) {
      await driver.putAll(['a', 'b', 'c'])
      const [a, b, c] = await driver.takeAll(1000)
      ensure(a !== undefined && b !== undefined && c !== undefined, 'three claims')
      await driver.complete(b)
      const answers = await driver.store.extend([a, b, c], 5000)
      ensureSame(answers.join(), 'true,false,true', 'answers')
      await driver.advance(4000)
      await driver.none('while they are held')
    },
  },
  {
    name: 'a job whose claims are lost too often is dead, with a reason',
    terms: { maxDeliveries: 3 },
    async run(driver) {
      const { id } = await driver.put('poison')
      for (let i = 1; i <= 3; i++) {
        ensureSame((await driver.take(1000)).record.deliveries, i, 'deliveries')
        await driver.advance(1001)
      }
      await driver.none('after the last loss')
      const job = await driver.stored(id)
      ensureSame(job.state, 'dead', 'state')
      ensure((job.error?.message ?? '') !== '', 'the dead job has no reason')
      const { dead, failed } = await driver.store.counts()
      ensureSame(`${dead}/${failed}`, '1/1', 'dead/failed')
    },
  },
  {
    name: 'a claim says where the next loss ends the job, and not before',
    terms: { maxDeliveries: 3 },
    async run(driver) {
      await driver.put('poison')
      for (const suspect of [false, false, true]) {
        const claim = await driver.take(1000)
        ensureSame(claim.suspect ?? false, suspect, `suspicion of delivery ${claim.delivery}`)
        await driver.advance(1001)
      }
    },
  },
  {
    name: 'a job that may be lost once only is no suspect at its first claim',
    terms: { maxDeliveries: 1 },
    async run(driver) {
      await driver.put('a')
      ensureSame((await driver.take(1000)).suspect ?? false, false, 'suspicion')
    },
  },
  {
    name: 'losses count over releases and retries between them',
    terms: { maxDeliveries: 2 },
    async run(driver) {
      const { id } = await driver.put('poison')
      await driver.take(1000)
      await driver.advance(1001)
      await driver.release(await driver.take(1000))
      await driver.retry(await driver.take(1000))
      await driver.expectState(id, 'waiting', 'after one loss')
      await driver.take(1000)
      await driver.advance(1001)
      await driver.none('after the second loss')
      await driver.expectState(id, 'dead', 'after the second loss')
    },
  },
  {
    name: 'a redriven job may be lost as often as a new one, and its older claims stay lost',
    terms: { maxDeliveries: 1 },
    async run(driver) {
      const { id } = await driver.put('poison')
      const lost = await driver.take(1000)
      await driver.advance(1001)
      await driver.none('after the loss')
      ensureSame(await driver.store.redrive({ ids: [id] }), 1, 'redriven')
      const claim = await driver.take(1000)
      ensure(claim.delivery > lost.delivery, `delivery ${claim.delivery} after ${lost.delivery}`)
      ensureSame(await driver.complete(lost), false, 'settle by the lost claim')
      ensureSame(await driver.complete(claim), true, 'settle by the newer claim')
    },
  },
  {
    name: 'claims of one call are lost one by one',
    async run(driver) {
      await driver.putAll(['a', 'b', 'c'])
      const claims = await driver.store.claim(3, 1000)
      ensureSame(claims.length, 3, 'claims')
      await driver.advance(500)
      const [a, b] = claims
      ensure(a !== undefined && b !== undefined, 'three claims')
      await driver.extend(b, 1000)
      await driver.complete(a)
      await driver.advance(501)
      ensureSame(itemsOf(await driver.takeAll()), 'c', 'claimed again')
    },
  },
]

export const leaseLaws: readonly LawText[] = texts.map(
  (text): LawText => ({ ...text, needs: ['leases'] }),
)
