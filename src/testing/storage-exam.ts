import { callable } from '../core/check.ts'
import type { Rule } from '../core/rule.ts'
import { createLimiter } from '../limiters/create-limiter.ts'
import { LimiterFactory } from '../limiters/factory.ts'
import { fixedWindow } from '../rules/fixed-window.ts'
import { leakyBucket } from '../rules/leaky-bucket.ts'
import { slidingWindow } from '../rules/sliding-window.ts'
import { tokenBucket } from '../rules/token-bucket.ts'
import { ensureSame, type Law } from './law.ts'
import { limiterLaws } from './limiter-laws.ts'
import { checkExam, type StorageUnderExam } from './storage-under-exam.ts'
import { valueLaws } from './value-laws.ts'

/**
 * The laws of every storage, tested through limiters and through values.
 *
 * @example
 * for (const law of storageExam(() => ({ storage: new MemoryStorage({ clock }), clock, advance: (d) => clock.advance(d) }))) {
 *   it(law.name, () => law.run())
 * }
 */
export function storageExam(make: () => StorageUnderExam | Promise<StorageUnderExam>): Law[] {
  callable('make', make)
  const rules: [string, () => Rule][] = [
    ['token bucket', () => tokenBucket({ rate: 5, per: '1s' })],
    ['leaky bucket', () => leakyBucket({ rate: 5, per: '1s' })],
    ['sliding window', () => slidingWindow({ rate: 5, per: '1s' })],
    ['fixed window', () => fixedWindow({ rate: 5, per: '1s' })],
  ]
  return [
    ...rules.flatMap(([name, rule]) => limiterLaws(law, name, rule)),
    ...valueLaws(law),
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
    law('a limit in all holds for all keys that come at once', async (exam) => {
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

  function law(name: string, run: (exam: StorageUnderExam) => Promise<void>): Law {
    return {
      name,
      async run() {
        const exam = await make()
        checkExam(exam)
        try {
          await run(exam)
        } finally {
          await exam.storage.close()
        }
      },
    }
  }
}
