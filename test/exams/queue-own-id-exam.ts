import type { Queue, QueueOptions } from 'aioflux'
import { expect, it } from 'vitest'

type Named = Queue<string, string>

/** An own id stands for its job while the job is kept, also where ids are not remembered for long, wherever the jobs are. */
export function queueOwnIdExam(make: (options: QueueOptions<string, string>) => Named): void {
  const ended = async (how: 'fail' | 'complete', more: QueueOptions<string, string>) => {
    const queue = make({ idTtl: 0, deadLetter: () => {}, ...more })
    await queue.put('first', { id: '7' })
    const [claim] = await queue.claim()
    await (how === 'fail' ? claim?.fail(new Error('broken')) : claim?.complete('done'))
    return queue
  }

  it.each([
    ['fail', 'dead', { keep: { dead: '1h', completed: 0 } }],
    ['complete', 'completed', { keep: { completed: '1h', dead: 0 } }],
  ] as const)(
    'own ids: a put of the id of a kept job does nothing: %s',
    async (how, state, keep) => {
      const queue = await ended(how, keep)
      const again = await queue.put('second', { id: '7' })
      expect([again.id, again.state]).toEqual(['7', 'duplicate'])
      expect(await queue.job('7')).toMatchObject({ item: 'first', state })
      expect((await queue.counts()).waiting).toBe(0)
      if (how === 'fail') expect(await queue.redrive()).toBe(1)
      expect((await queue.counts()).waiting).toBe(how === 'fail' ? 1 : 0)
      expect(await queue.remove('7')).toBe(true)
      expect((await queue.put('third', { id: '7' })).state).toBe('waiting')
      await queue.stop({ mode: 'drop' })
    },
  )

  it.each(['fail', 'complete'] as const)(
    'own ids: the id of a job that is not kept is free: %s',
    async (how) => {
      const queue = await ended(how, { keep: { dead: 0, completed: 0 } })
      expect((await queue.put('second', { id: '7' })).state).toBe('waiting')
      expect(await queue.job('7')).toMatchObject({ item: 'second', state: 'waiting' })
      await queue.stop({ mode: 'drop' })
    },
  )

  it('own ids: the id of a job that was redriven is free when the job is cleared', async () => {
    const queue = await ended('fail', { keep: { dead: '1h' }, idTtl: '1h' })
    expect(await queue.redrive()).toBe(1)
    expect(await queue.clear()).toEqual(['first'])
    expect((await queue.put('second', { id: '7' })).state).toBe('waiting')
    await queue.stop({ mode: 'drop' })
  })
}
