import { ensureSame } from '../law.ts'
import { itemsOf, LEASE } from './driver.ts'
import type { LawText } from './law-text.ts'
import type { StoreCapability } from './under-exam.ts'

const texts: readonly (LawText & { needs: readonly StoreCapability[] })[] = [
  {
    name: 'no more jobs of a key run at once than the limit, and other keys go on',
    needs: ['concurrency'],
    terms: { limiter: { kind: 'concurrency', limit: 2 } },
    async run(driver) {
      await driver.putAll(['a0', 'a1', 'a2', 'a3'], { limiterKey: 'a' })
      await driver.putAll(['b0'], { limiterKey: 'b' })
      ensureSame(itemsOf(await driver.store.claim(10, LEASE)), 'a0,a1,b0', 'claimed')
      await driver.none('of a key at its limit')
      await driver.putAll(['c0'], { limiterKey: 'c' })
      ensureSame(itemsOf(await driver.takeAll()), 'c0', 'claimed of another key')
    },
  },
  ...(['completed', 'failed', 'retry', 'released'] as const).map((outcome) => ({
    name: `a job that is ${outcome} gives its permit to the next one of its key`,
    needs: ['concurrency'] as const,
    terms: { limiter: { kind: 'concurrency', limit: 1 } as const },
    async run(driver: Parameters<LawText['run']>[0]) {
      await driver.putAll(['a0', 'a1'], { limiterKey: 'a' })
      const claim = await driver.take()
      await driver.none('of a key at its limit')
      if (outcome === 'completed') await driver.complete(claim)
      else if (outcome === 'failed') await driver.fail(claim)
      else if (outcome === 'retry') await driver.retry(claim, 50)
      else await driver.release(claim, 50)
      ensureSame(itemsOf(await driver.takeAll()), 'a1', 'claimed')
    },
  })),
  {
    name: 'a cancelled job keeps its permit until it is settled',
    needs: ['concurrency'],
    terms: { limiter: { kind: 'concurrency', limit: 1 } },
    async run(driver) {
      await driver.putAll(['a0', 'a1'], { limiterKey: 'a' })
      const claim = await driver.take()
      await driver.store.cancel(claim.record.id, 'enough')
      await driver.none('while the cancelled job still runs')
      await driver.release(claim)
      ensureSame(itemsOf(await driver.takeAll()), 'a1', 'claimed')
    },
  },
  {
    name: 'a claim that is lost gives its permit back',
    needs: ['concurrency', 'leases'],
    terms: { limiter: { kind: 'concurrency', limit: 1 } },
    async run(driver) {
      await driver.putAll(['a0', 'a1'], { limiterKey: 'a' })
      await driver.take(1000)
      await driver.advance(1001)
      ensureSame(itemsOf(await driver.takeAll()), 'a0', 'claimed')
    },
  },
  {
    name: 'in a key priority and arrival decide, and all keys share one order',
    needs: ['concurrency'],
    terms: { limiter: { kind: 'concurrency', limit: 1 } },
    async run(driver) {
      await driver.put('a low', { limiterKey: 'a' })
      await driver.put('a high', { limiterKey: 'a', priority: 5 })
      await driver.put('b', { limiterKey: 'b', priority: 1 })
      const claims = await driver.takeAll()
      ensureSame(itemsOf(claims), 'a high,b', 'claimed')
      await Promise.all(claims.map(async (claim) => driver.complete(claim)))
      ensureSame(itemsOf(await driver.takeAll()), 'a low', 'claimed when the key allows')
    },
  },
  {
    name: 'jobs that are removed or cancelled before a limit leave the way free',
    needs: ['concurrency'],
    terms: { limiter: { kind: 'concurrency', limit: 1 } },
    async run(driver) {
      const put = await driver.putAll(['a0', 'a1', 'a2', 'a3'], { limiterKey: 'a' })
      const claim = await driver.take()
      await driver.store.cancel(put[1]?.id ?? '', 'enough')
      await driver.store.remove(put[2]?.id ?? '')
      await driver.none('of a key at its limit')
      await driver.complete(claim)
      ensureSame(itemsOf(await driver.takeAll()), 'a3', 'claimed')
    },
  },
  {
    name: 'a key starts its burst at once, and then no more than its rate',
    needs: ['token-bucket'],
    terms: { limiter: { kind: 'token-bucket', rate: 10, per: 1000, burst: 2 } },
    async run(driver) {
      await driver.putAll(['a0', 'a1', 'a2', 'a3', 'a4'], { limiterKey: 'a' })
      await driver.putAll(['b0', 'b1', 'b2'], { limiterKey: 'b' })
      ensureSame(itemsOf(await driver.store.claim(10, LEASE)), 'a0,a1,b0,b1', 'the bursts')
      await driver.advance(98)
      await driver.none('before the next token')
      await driver.advance(4)
      ensureSame(itemsOf(await driver.store.claim(10, LEASE)), 'a2,b2', 'with the next tokens')
      await driver.advance(102)
      ensureSame(itemsOf(await driver.store.claim(10, LEASE)), 'a3', 'a token later')
    },
  },
  {
    name: 'a start takes as many tokens as it costs, and a dear job is not passed by a cheap one of its key',
    needs: ['token-bucket'],
    terms: { limiter: { kind: 'token-bucket', rate: 10, per: 1000, burst: 3 } },
    async run(driver) {
      await driver.put('a2', { limiterKey: 'a', cost: 2 })
      await driver.put('a3', { limiterKey: 'a', cost: 3 })
      await driver.put('a1', { limiterKey: 'a', cost: 1 })
      ensureSame(itemsOf(await driver.takeAll()), 'a2', 'claimed at once')
      await driver.advance(198)
      await driver.none('before three tokens are there')
      await driver.advance(4)
      ensureSame(itemsOf(await driver.takeAll()), 'a3', 'with three tokens')
      await driver.advance(102)
      ensureSame(itemsOf(await driver.takeAll()), 'a1', 'with one token more')
    },
  },
  {
    name: 'a job that waits for its key takes no token',
    needs: ['token-bucket'],
    terms: { limiter: { kind: 'token-bucket', rate: 10, per: 1000, burst: 1 } },
    async run(driver) {
      await driver.putAll(['a0', 'a1'], { limiterKey: 'a' })
      await driver.takeAll()
      for (let i = 0; i < 10; i++) {
        await driver.advance(9)
        await driver.none('before the next token')
      }
      await driver.advance(12)
      ensureSame(itemsOf(await driver.takeAll()), 'a1', 'with the next token')
    },
  },
]

/** What a limit for each key allows, and what it holds up. */
export const keyLaws: readonly LawText[] = texts
