import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import { isAioFluxError } from '../core/errors.ts'
import type { Rule } from '../core/rule.ts'
import type { Storage } from '../core/storage.ts'
import { createLimiter } from '../limiters/create-limiter.ts'
import { LimiterFactory } from '../limiters/factory.ts'
import type { Limiter } from '../limiters/limiter.ts'
import { fixedWindow } from '../rules/fixed-window.ts'
import { leakyBucket } from '../rules/leaky-bucket.ts'
import { slidingWindow } from '../rules/sliding-window.ts'
import { tokenBucket } from '../rules/token-bucket.ts'
import { ensure, ensureSame, type Law } from './law.ts'

/** A storage to examine, and the way to let its time pass. */
export interface StorageUnderExam {
  storage: Storage
  /** The clock limiters are given. @default that of the storage */
  clock?: Clock
  /** Lets time pass for the storage and for those who wait. */
  advance(duration: Duration): Promise<void> | void
  /** Lets time pass for values, where those go by another clock. @default advance */
  advanceValues?(duration: Duration): Promise<void> | void
}

/**
 * The laws every storage keeps, shown through limiters and through users' values.
 *
 * @example
 * for (const law of storageExam(() => ({ storage: new MemoryStorage({ clock }), clock, advance: (d) => clock.advance(d) }))) {
 *   it(law.name, () => law.run())
 * }
 */
export function storageExam(make: () => StorageUnderExam | Promise<StorageUnderExam>): Law[] {
  const rules: [string, () => Rule][] = [
    ['token bucket', () => tokenBucket({ rate: 5, per: '1s' })],
    ['leaky bucket', () => leakyBucket({ rate: 5, per: '1s' })],
    ['sliding window', () => slidingWindow({ rate: 5, per: '1s' })],
    ['fixed window', () => fixedWindow({ rate: 5, per: '1s' })],
  ]
  return [
    ...rules.flatMap(([name, rule]) => limiterLaws(name, rule)),
    ...valueLaws(),
    law('limiters under different scopes do not see each other', async ({ storage, clock }) => {
      const rule = tokenBucket({ rate: 1, per: '1h' })
      const time = clock === undefined ? {} : { clock }
      const a = createLimiter(rule, { storage, scope: 'a', ...time })
      const b = createLimiter(rule, { storage, scope: 'b', ...time })
      const again = createLimiter(rule, { storage, scope: 'a', ...time })
      ensureSame(await a.acquire('key'), true, 'the first')
      ensureSame(await b.acquire('key'), true, 'the first under another scope')
      ensureSame(await again.acquire('key'), false, 'the second under the same scope')
    }),
    law('limits of one rule and different numbers do not see each other', async (exam) => {
      const { storage, clock } = exam
      const time = clock === undefined ? {} : { clock }
      const few = createLimiter(tokenBucket({ rate: 2, per: '1h' }), { storage, ...time })
      const many = createLimiter(tokenBucket({ rate: 5, per: '1h' }), { storage, ...time })
      const both = LimiterFactory.composite(few, many)
      for (let i = 0; i < 2; i++) ensureSame(await both.acquire('a'), true, `call ${i} to both`)
      ensureSame(await both.acquire('a'), false, 'one too many for one of them')
      ensureSame((await many.peek('a')).remaining, 3, 'remaining of the other')
    }),
    law('a limit in all holds for those who come at once, whoever they are', async (exam) => {
      const { storage, clock } = exam
      const rule = (rate: number) => tokenBucket({ rate, per: '1h' })
      const options = (scope: string) => ({ storage, scope, ...(clock && { clock }) })
      const limiter = LimiterFactory.composite(createLimiter(rule(5), options('each')), {
        limiter: createLimiter(rule(7), options('in all')),
        key: () => '',
      })
      const calls = Array.from({ length: 12 }, (_, i) => limiter.acquire(`user ${i}`))
      const granted = (await Promise.all(calls)).filter(Boolean).length
      ensureSame(granted, 7, 'granted in all')
    }),
  ]

  function limiterLaws(name: string, rule: () => Rule): Law[] {
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
        ensure(
          denied.retryAfter > 0 && denied.retryAfter <= 1.01,
          `retryAfter ${denied.retryAfter}`,
        )
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
        ensure(
          denied.retryAfter > 0.2 && denied.retryAfter <= 0.3,
          `retryAfter ${denied.retryAfter}`,
        )
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
        ensureSame(await limiter.acquire('a'), false, 'somebody who does not wait')
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

      about('bad input is an error and leaves the state untouched', async (limiter) => {
        const bad: unknown[] = [Number.NaN, Infinity, -Infinity, 0, -1, '1', null, 5.5, 1e308]
        for (const cost of bad) {
          for (const verb of ['acquire', 'consume', 'peek', 'release'] as const) {
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

  function valueLaws(): Law[] {
    return [
      law('values: kept, replaced, deleted', async ({ storage }) => {
        ensureSame(await storage.get('a'), undefined, 'nothing yet')
        await storage.set('a', 'text')
        ensureSame(await storage.get('a'), 'text', 'text')
        await storage.set('a', 42)
        ensureSame(await storage.get('a'), 42, 'a number in its place')
        await storage.set('b', { deep: [1, 2] })
        ensureSame(JSON.stringify(await storage.get('b')), '{"deep":[1,2]}', 'an object')
        ensureSame(await storage.exists('a'), true, 'exists')
        ensureSame(await storage.delete('a'), true, 'delete')
        ensureSame(await storage.delete('a'), false, 'delete again')
        ensureSame(await storage.exists('a'), false, 'exists after delete')
      }),

      law('values: counting begins at 0 and starts nothing else', async ({ storage }) => {
        ensureSame(await storage.incr('n'), 1, 'incr')
        ensureSame(await storage.incr('n', 5), 6, 'incr by 5')
        ensureSame(await storage.decr('n'), 5, 'decr')
        ensureSame(await storage.get('n'), 5, 'get')
        ensureSame(await storage.incr('__proto__'), 1, 'a key like a property')
        await storage.set('t', 'text')
        const error = await storage.incr('t').catch((reason: unknown) => reason)
        ensure(isAioFluxError(error), 'counting on a text')
      }),

      law('values: are gone when their time is over', async (exam) => {
        const { storage } = exam
        const advance = exam.advanceValues ?? exam.advance
        await storage.set('a', 1, '300ms')
        await storage.set('b', 1)
        await storage.incr('a')
        await advance('100ms')
        ensureSame(await storage.get('a'), 2, 'in time: counting keeps the time to live')
        await advance('201ms')
        ensureSame(await storage.get('a'), undefined, 'too late')
        ensureSame(await storage.exists('a'), false, 'exists, too late')
        ensureSame(await storage.incr('a'), 1, 'counting begins anew')
        ensureSame(await storage.get('b'), 1, 'without a time to live')
      }),
    ]
  }

  function law(name: string, run: (exam: StorageUnderExam) => Promise<void>): Law {
    return {
      name,
      async run() {
        const exam = await make()
        try {
          await run(exam)
        } finally {
          await exam.storage.close()
        }
      },
    }
  }
}
