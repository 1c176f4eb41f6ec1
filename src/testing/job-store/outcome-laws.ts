import { ensure, ensureSame } from '../law.ts'
import type { LawText } from './law-text.ts'

/** Why jobs are cancelled. An error is told by its name and its message. */
const REASONS: Readonly<Record<string, unknown>> = {
  'an error': new RangeError('too many'),
  'an object with the name and the message of one': { name: 'RangeError', message: 'too many' },
  'an object': { code: 7, by: ['Ann'] },
  nothing: undefined,
}

function reasonText(reason: unknown): string | undefined {
  return reason instanceof Error ? `${reason}` : JSON.stringify(reason)
}

/** What callers learn that wait for a result. */
export const outcomeLaws: readonly LawText[] = [
  {
    name: 'an awaited job has no outcome until it ends, and then its result',
    async run(driver) {
      const { id } = await driver.put('a', { awaited: true })
      ensureSame(await driver.store.outcome(id), undefined, 'outcome while it waits')
      const claim = await driver.take()
      ensureSame(await driver.store.outcome(id), undefined, 'outcome while it runs')
      await driver.complete(claim, { answer: 42 })
      const outcome = await driver.store.outcome(id)
      ensure(outcome?.state === 'completed', `outcome is ${outcome?.state}`)
      ensureSame(JSON.stringify(outcome.value), '{"answer":42}', 'value')
    },
  },
  {
    name: 'an awaited job that fails for good tells its error, and a retry tells nothing',
    async run(driver) {
      const { id } = await driver.put('a', { awaited: true })
      await driver.retry(await driver.take(), 0, 'first')
      ensureSame(await driver.store.outcome(id), undefined, 'outcome after a retry')
      await driver.fail(await driver.take(), 'last')
      const outcome = await driver.store.outcome(id)
      ensure(outcome?.state === 'failed', `outcome is ${outcome?.state}`)
      ensureSame(outcome.error.message, 'last', 'message')
    },
  },
  {
    name: 'an awaited job that is cancelled tells the reason',
    async run(driver) {
      const waiting = await driver.put('waiting', { awaited: true })
      await driver.store.cancel(waiting.id, 'enough')
      const running = await driver.put('running', { awaited: true })
      const claim = await driver.take()
      await driver.store.cancel(running.id, 'enough')
      ensureSame(await driver.store.outcome(running.id), undefined, 'outcome while it runs')
      await driver.fail(claim)
      for (const { id } of [waiting, running]) {
        const outcome = await driver.store.outcome(id)
        ensure(outcome?.state === 'cancelled', `outcome is ${outcome?.state}`)
        ensureSame(outcome.reason, 'enough', 'reason')
      }
    },
  },
  ...Object.entries(REASONS).map(
    ([kind, reason]): LawText => ({
      name: `a reason reaches the holder and the caller as it was: ${kind}`,
      async run(driver) {
        const told = driver.listen()
        const { id } = await driver.put('a', { awaited: true })
        const claim = await driver.take()
        await driver.store.cancel(id, reason)
        await driver.extend(claim)
        await told.until('cancelled', () => told.cancelled.length > 0)
        await driver.fail(claim)
        const outcome = await driver.store.outcome(id)
        ensure(outcome?.state === 'cancelled', `outcome is ${outcome?.state}`)
        ensureSame(
          reasonText(told.cancelled[0]?.reason),
          reasonText(reason),
          'reason for the holder',
        )
        ensureSame(reasonText(outcome.reason), reasonText(reason), 'reason of the outcome')
        told.end()
      },
    }),
  ),
  {
    name: 'an awaited job that is removed, cleared or pushed out is gone',
    async run(driver) {
      const [removed, pushed, cleared] = await driver.putAll(['a', 'b', 'c'], { awaited: true })
      await driver.store.remove(removed?.id ?? '')
      await driver.put('d', {}, { maxSize: 2, overflow: 'drop-oldest' })
      await driver.store.clear()
      for (const [i, job] of [removed, pushed, cleared].entries()) {
        const outcome = await driver.store.outcome(job?.id ?? '')
        ensureSame(outcome?.state, 'gone', `outcome of job ${i}`)
      }
    },
  },
  {
    name: 'an unknown id is gone at once',
    async run(driver) {
      ensureSame((await driver.store.outcome('unknown'))?.state, 'gone', 'outcome')
    },
  },
  {
    name: 'a job that was not awaited has an outcome all the same, if only that it is gone',
    async run(driver) {
      const { id } = await driver.put('a')
      await driver.complete(await driver.take(), 42)
      const outcome = await driver.store.outcome(id)
      const told = outcome?.state === 'gone' || outcome?.state === 'completed'
      ensure(told, `outcome is ${outcome?.state}`)
    },
  },
  {
    name: 'a result that is asked for while the job runs is kept for the caller',
    async run(driver) {
      const { id } = await driver.put('a')
      ensureSame(await driver.store.outcome(id), undefined, 'outcome while it waits')
      await driver.complete(await driver.take(), 42)
      const outcome = await driver.store.outcome(id)
      ensure(outcome?.state === 'completed', `outcome is ${outcome?.state}`)
      ensureSame(outcome.value, 42, 'value')
    },
  },
  {
    name: 'a result waits as long as was said, and then it is gone',
    terms: { resultTtl: 1000 },
    async run(driver) {
      const { id } = await driver.put('a', { awaited: true })
      await driver.complete(await driver.take(), 42)
      await driver.advance(999)
      ensureSame((await driver.store.outcome(id))?.state, 'completed', 'outcome in time')
      await driver.advance(2)
      await driver.none('afterwards')
      ensureSame((await driver.store.outcome(id))?.state, 'gone', 'outcome afterwards')
    },
  },
  {
    name: 'an awaited job whose claims are lost too often has failed',
    needs: ['leases'],
    terms: { maxDeliveries: 1 },
    async run(driver) {
      const { id } = await driver.put('a', { awaited: true })
      await driver.take(1000)
      await driver.advance(1001)
      await driver.none('after the loss')
      ensureSame((await driver.store.outcome(id))?.state, 'failed', 'outcome')
    },
  },
  {
    name: 'a result reaches the process that asked, whichever has worked',
    needs: ['peers'],
    async run(driver) {
      const peer = await driver.peer()
      const told = driver.listen()
      const { id } = await driver.put('a', { awaited: true })
      const claim = await driver.take(30_000, peer)
      await driver.complete(claim, 42, peer)
      await told.until('settled', () => told.settled.has(id))
      const outcome = await driver.store.outcome(id)
      ensure(outcome?.state === 'completed', `outcome is ${outcome?.state}`)
      ensureSame(outcome.value, 42, 'value')
      told.end()
    },
  },
]
