import { isAioFluxError } from '../core/errors.ts'
import { ensure, ensureSame, type Law } from './law.ts'
import type { MakeLaw } from './storage-under-exam.ts'

/** The laws of values in a storage. */
export function valueLaws(law: MakeLaw): Law[] {
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

    law('values: every number is finite', async ({ storage }) => {
      const most = Number.MAX_VALUE
      await storage.set('n', most)
      const tries: readonly [string, () => Promise<unknown>][] = [
        ['NaN as a value', () => storage.set('n', Number.NaN)],
        ['a value without end', () => storage.set('n', Infinity)],
        ['a sum without end', () => storage.incr('n', most)],
        ...['1', null, true, Number.NaN, Infinity].flatMap(
          (by): [string, () => Promise<unknown>][] => [
            [`incr by ${by}`, () => storage.incr('n', by as number)],
            [`decr by ${by}`, () => storage.decr('n', by as number)],
          ],
        ),
      ]
      for (const [what, attempt] of tries) {
        const error = await attempt().catch((reason: unknown) => reason)
        ensure(isAioFluxError(error, 'INVALID_OPTION'), `${what} was taken`)
      }
      ensureSame(await storage.get('n'), most, 'the value after all that')
    }),

    law('values: what is no data is refused', async ({ storage }) => {
      await storage.set('a', 1)
      for (const value of [undefined, () => 1, Symbol('s'), 1n]) {
        const error = await storage.set('a', value).catch((reason: unknown) => reason)
        ensure(isAioFluxError(error, 'INVALID_OPTION'), `${typeof value} was taken`)
      }
      ensureSame(await storage.get('a'), 1, 'the value after all that')
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
