import { isAioFluxError } from '../core/errors.ts'
import type { Rule } from '../core/rule.ts'
import { createLimiter } from '../limiters/create-limiter.ts'
import type { Limiter } from '../limiters/limiter.ts'
import { ensure, ensureSame, type Law } from './law.ts'
import type { MakeLaw, StorageUnderExam } from './storage-under-exam.ts'

/** The laws of limiters over a storage, for one rule of 5 a second. */
export function limiterLaws(law: MakeLaw, name: string, rule: () => Rule): Law[] {
  const about = (
    what: string,
    run: (limiter: Limiter, exam: StorageUnderExam) => Promise<void>,
  ): Law =>
    law(`${name}: ${what}`, async (exam) => {
      const { storage, clock } = exam
      const time = clock === undefined ? {} : { clock }
      await run(createLimiter(rule(), { storage, scope: 'exam', ...time }), exam)
    })

  return [
    about('grants up to the limit, then denies, key by key', async (limiter) => {
      for (let i = 0; i < 5; i++) ensureSame(await limiter.acquire('a'), true, `call ${i}`)
      ensureSame(await limiter.acquire('a'), false, 'one too many')
      ensureSame(await limiter.acquire('b'), true, 'another key')
      ensureSame(await limiter.acquire(), true, 'the key without a name')
    }),

    about('a decision tells all there is to know', async (limiter, exam) => {
      const first = await limiter.consume('a', 2)
      ensureSame(first.allowed, true, 'allowed')
      ensureSame(first.limit, 5, 'limit')
      ensureSame(first.remaining, 3, 'remaining')
      ensureSame(first.retryAfter, 0, 'retryAfter')
      ensureSame(first.cost, 2, 'cost')
      ensure(first.resetAfter > 0 && first.resetAfter <= 1.01, `resetAfter ${first.resetAfter}`)
      const denied = await limiter.consume('a', 5)
      ensureSame(denied.allowed, false, 'allowed, beyond the limit')
      ensureSame(denied.remaining, 3, 'remaining after a denial')
      ensure(denied.retryAfter > 0 && denied.retryAfter <= 1.01, `retryAfter ${denied.retryAfter}`)
      await exam.advance(denied.retryAfter)
      ensureSame(await limiter.acquire('a', 5), true, 'at retryAfter')
    }),

    about('a peek changes nothing', async (limiter) => {
      for (let i = 0; i < 10; i++) {
        ensureSame((await limiter.peek('a')).remaining, 5, `remaining at peek ${i}`)
      }
      ensureSame(await limiter.acquire('a', 5), true, 'the whole limit')
      ensureSame((await limiter.peek('a')).allowed, false, 'peek at nothing left')
    }),

    about('what is released can be had again, and no more than that', async (limiter) => {
      await limiter.acquire('a', 5)
      await limiter.release('a', 2)
      ensureSame(await limiter.acquire('a', 2), true, 'what was released')
      ensureSame(await limiter.acquire('a'), false, 'more than that')
      await limiter.release('a', 5)
      await limiter.release('a', 5)
      ensureSame(await limiter.acquire('a', 5), true, 'all of it')
      ensureSame(await limiter.acquire('a'), false, 'more than there ever was')
      await limiter.release('a', 5.5)
      ensureSame(await limiter.acquire('a', 5), true, 'more than the limit holds is all of it')
      await limiter.release('a', Number.MAX_VALUE)
      ensureSame((await limiter.peek('a')).remaining, 5, 'remaining after the largest number')
      ensureSame(await limiter.acquire('a', 5), true, 'after the largest number')
      ensureSame(await limiter.acquire('a'), false, 'more than there ever was')
    }),

    about('reset forgets the key and its block', async (limiter) => {
      await limiter.acquire('a', 5)
      await limiter.block('a', '1h')
      await limiter.reset('a')
      ensureSame(await limiter.acquire('a', 5), true, 'after reset')
    }),

    about('a blocked key is denied until its block ends', async (limiter, exam) => {
      await limiter.acquire('a')
      await limiter.block('a', '300ms')
      const denied = await limiter.consume('a')
      ensureSame(denied.allowed, false, 'allowed while blocked')
      ensureSame(denied.remaining, 0, 'remaining while blocked')
      ensure(denied.retryAfter > 0.2 && denied.retryAfter <= 0.3, `retryAfter ${denied.retryAfter}`)
      ensureSame(await limiter.acquire('b'), true, 'another key')
      await exam.advance('300ms')
      ensureSame(await limiter.acquire('a'), true, 'after the block')
    }),

    about('reconfigure keeps what was used', async (limiter) => {
      await limiter.acquire('a', 4)
      await limiter.reconfigure({ rate: 10 })
      const left = (await limiter.peek('a')).remaining
      ensure(left >= 5 && left <= 7, `remaining ${left} of 10 after 4 of 5`)
      await limiter.reconfigure({ rate: 3 })
      ensureSame(await limiter.acquire('a'), false, 'with less than was used')
    }),

    about('waiting is first come, first served', async (limiter, exam) => {
      await limiter.acquire('a', 5)
      const served: number[] = []
      const waits = [0, 1, 2, 3].map(async (i) => {
        await limiter.wait('a')
        served.push(i)
      })
      await Promise.resolve()
      ensureSame(await limiter.acquire('a'), false, 'a call that does not wait')
      for (let i = 0; i < 25; i++) await exam.advance('100ms')
      await Promise.all(waits)
      ensureSame(served.join(), '0,1,2,3', 'order')
    }),

    about('what cannot come in time is refused at once', async (limiter) => {
      await limiter.acquire('a', 5)
      const error = await limiter.wait('a', { cost: 5, timeout: '10ms' }).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      ensure(isAioFluxError(error, 'WAIT_TIMEOUT'), `refused with ${String(error)}`)
    }),

    about('an aborted waiter gives its reservation back', async (limiter, exam) => {
      await limiter.acquire('a', 5)
      const controller = new AbortController()
      const given = limiter.wait('a', { signal: controller.signal })
      controller.abort(new Error('enough'))
      const reason = await given.catch((error: unknown) => error)
      ensureSame(reason instanceof Error && reason.message, 'enough', 'reason')
      // Where used tokens drain it shows while they do; where they leave at once, after that.
      await exam.advance('500ms')
      const soon = (await limiter.peek('a')).remaining
      await exam.advance('1s')
      const later = (await limiter.peek('a')).remaining
      ensure(soon === 2 || (soon === 0 && later === 5), 'the aborted reservation was kept')
    }),

    about('a closed limiter refuses the calls that wait, and later calls', async (limiter) => {
      const code = (error: { code?: unknown }) => error.code
      await limiter.acquire('a', 5)
      await limiter.block('a', '1h')
      const waiting = limiter.wait('a').then(() => 'granted', code)
      await limiter.close()
      await limiter.close()
      ensureSame(await waiting, 'CLOSED', 'a call that waited')
      ensureSame(await limiter.wait('a').then(() => 'granted', code), 'CLOSED', 'a later call')
      ensureSame(await limiter.wait('b').then(() => 'granted', code), 'CLOSED', 'at another key')
    }),

    about('bad input is an error and leaves the state untouched', async (limiter) => {
      const bad: unknown[] = [Number.NaN, Infinity, -Infinity, 0, -1, '1', null]
      const asking = ['acquire', 'consume', 'peek'] as const
      for (const cost of [...bad, 5.5, 1e308]) {
        for (const verb of bad.includes(cost) ? ([...asking, 'release'] as const) : asking) {
          const error = await limiter[verb]('a', cost as number).then(
            () => undefined,
            (reason: unknown) => reason,
          )
          ensure(isAioFluxError(error), `${verb} took the cost ${String(cost)}`)
          ensure(error.message.includes('cost'), `the error does not name it: ${error.message}`)
        }
      }
      ensureSame((await limiter.peek('a')).remaining, 5, 'remaining')
    }),

    about('any string is a key', async (limiter) => {
      const keys = [
        '',
        '__proto__',
        'constructor',
        '{a}{b}',
        'a:b',
        '💥',
        '\u0000',
        'k'.repeat(10_000),
      ]
      for (const key of keys) ensureSame(await limiter.acquire(key, 5), true, key.slice(0, 20))
      for (const key of keys) ensureSame(await limiter.acquire(key), false, key.slice(0, 20))
    }),
  ]
}
