import type { PutOptions, Queue } from 'aioflux'
import { expect, it } from 'vitest'

/** A queue of either kind: the verbs, some at once in memory and promised over a storage. */
type Asked = Pick<
  Queue<string, string>,
  'put' | 'get' | 'claim' | 'jobs' | 'redrive' | 'onIdle' | 'clear' | 'size' | 'workers'
>

/** Bad input of a call is an error that names the option, also where the call would have had nothing to do with the option. */
export function queueInputExam(make: (kind: 'fifo' | 'dedupe') => Asked): void {
  const nonsense = (value: unknown) => value as never

  it.each<[string, string, (queue: Asked) => Promise<unknown>]>([
    ['claim', 'timeout', (queue) => queue.claim({ timeout: Number.NaN })],
    ['claim', 'signal', (queue) => queue.claim({ signal: nonsense(5) })],
    ['get', 'timeout', (queue) => queue.get({ timeout: -1 })],
    ['get', 'signal', (queue) => queue.get({ signal: nonsense({}) })],
    ['jobs', 'cursor', (queue) => queue.jobs({ state: 'dead', cursor: nonsense(5) })],
    ['jobs', 'cursor', (queue) => queue.jobs({ state: 'dead', cursor: nonsense(null) })],
    ['jobs', 'cursor', (queue) => queue.jobs({ state: 'dead', cursor: 'made up' })],
    ['jobs', 'cursor', (queue) => queue.jobs({ state: 'waiting', cursor: 'made up' })],
    ['redrive', 'ids', (queue) => queue.redrive({ ids: nonsense('a') })],
    ['redrive', 'ids', (queue) => queue.redrive({ ids: [nonsense(5)] })],
    ['redrive', 'ids', (queue) => queue.redrive({ ids: [''] })],
    ['redrive', 'error', (queue) => queue.redrive({ error: nonsense(5) })],
    ['redrive', 'limit', (queue) => queue.redrive({ limit: Number.NaN })],
  ])('bad input: %s with a wrong %s takes nothing', async (_, option, call) => {
    const queue = make('fifo')
    await queue.put('a')
    await expect(call(queue)).rejects.toMatchObject({ code: 'INVALID_OPTION', option })
    expect(await queue.size()).toBe(1)
    expect(await queue.get()).toBe('a')
  })

  it.each([
    [new Date(Number.NaN), 'Invalid Date'],
    ['tomorrow', "'tomorrow' (string)"],
    [5, '5 (number)'],
    [Symbol('later'), 'a symbol'],
    [null, 'null'],
  ])('bad input: the message of a wrong `at` tells the value: %o', async (at, told) => {
    const message = `at must be a valid Date, got ${told}`
    await expect(make('fifo').put('a', { at: nonsense(at) })).rejects.toThrow(message)
  })

  it.each([[Symbol('five')], [null], ['5'], [5n], [-1], [1.5], [Number.NaN]])(
    'bad input: workers = %o changes nothing',
    (workers) => {
      const queue = make('fifo')
      expect(() => {
        queue.workers = nonsense(workers)
      }).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', option: 'workers' }))
      expect(queue.workers).toBe(1)
    },
  )

  it('bad input: onIdle of a queue that is idle', async () => {
    const wait = make('fifo').onIdle({ timeout: Number.NaN })
    await expect(wait).rejects.toMatchObject({ code: 'INVALID_OPTION', option: 'timeout' })
  })

  it.each<[string, PutOptions]>([
    ['priority', { priority: Number.NaN }],
    ['delay', { delay: -1 }],
    ['at', { at: new Date(Number.NaN) }],
    ['timeout', { timeout: Number.NaN }],
    ['retry.attempts', { retry: -1 }],
  ])('bad input: put of a duplicate with a wrong %s', async (option, wrong) => {
    const own = make('fifo')
    await own.put('a', { id: 'own' })
    const again = own.put('a', { id: 'own', ...wrong })
    await expect(again).rejects.toMatchObject({ code: 'INVALID_OPTION', option })
    const once = make('dedupe')
    await once.put('a')
    const same = once.put('a', wrong)
    await expect(same).rejects.toMatchObject({ code: 'INVALID_OPTION', option })
    expect(await once.size()).toBe(1)
  })
}
