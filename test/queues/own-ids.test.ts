import { describe, expect, it } from 'vitest'
import { type LocalQueue, type PutOptions, QueueFactory } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/index.ts'
import { queueOwnIdExam } from '../exams/queue-own-id-exam.ts'

const handler = (item: string) => item

describe('own ids of jobs that have ended, in memory', () => {
  queueOwnIdExam((options) => QueueFactory.fifo<string, string>(options))

  it('no other job is given the number of a kept job', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo<string, string>({
      handler,
      clock,
      idTtl: '1s',
      keep: { completed: '1h' },
    }).start()
    await queue.put('own', { id: '3' })
    clock.advance('2s')
    await queue.put('a', { id: 'other' })
    const ids = (await queue.putMany(['b', 'c', 'd'])).map(({ id }) => id)
    expect(ids).not.toContain('3')
    expect(await queue.job('3')).toMatchObject({ item: 'own' })
    await queue.stop()
  })
})

describe('the own id of a put', () => {
  it.each([
    ['completed', (queue: Ids): Promise<unknown> => queue.start().onIdle()],
    ['cancelled', (queue: Ids): Promise<unknown> => queue.cancel('own')],
  ] as const)('is remembered for idTtl after its job has %s', async (_, end) => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo<string, string>({ handler, idTtl: '1h', clock })
    await queue.put('a', { id: 'own' })
    await end(queue)
    clock.advance('59m')
    expect((await queue.put('b', { id: 'own' })).state).toBe('duplicate')
    clock.advance('1m')
    expect((await queue.put('b', { id: 'own' })).state).not.toBe('duplicate')
  })

  it.each([
    ['clear', (queue: Ids) => queue.clear()],
    ['remove', (queue: Ids) => queue.remove('own')],
    ['drop-oldest', (queue: Ids) => queue.put('b')],
  ] as const)('is free at once after %s has dropped its job', async (_, drop) => {
    const queue = QueueFactory.fifo<string, string>({ maxSize: 1, overflow: 'drop-oldest' })
    const job = await queue.put('a', { id: 'own' })
    await drop(queue)
    expect(job.state).toBe('dropped')
    expect((await queue.put('a', { id: 'own' })).state).toBe('waiting')
  })

  it.each([
    ['reject', {}, 'QUEUE_FULL'],
    ['drop-newest', {}, 'JOB_DROPPED'],
    ['wait', { timeout: '1s' }, 'WAIT_TIMEOUT'],
    ['wait', { signal: AbortSignal.abort(new Error('enough')) }, undefined],
  ] as const)(
    'is free at once where overflow %s refused its put',
    async (overflow, options, code) => {
      const clock = new ManualClock()
      const queue = QueueFactory.fifo<string, string>({ maxSize: 1, overflow, handler, clock })
      await queue.put('a')
      const refused = queue.submit('b', { id: 'own', ...options })
      clock.advance('1s')
      await expect(refused).rejects.toMatchObject(code === undefined ? {} : { code })
      await queue.start().onIdle()
      expect(await queue.submit('b', { id: 'own' })).toBe('b')
    },
  )

  it('is free at once where its put gave up waiting for room', async () => {
    const queue = QueueFactory.fifo<string, string>({ maxSize: 1, handler })
    await queue.put('a')
    const giveUp = new AbortController()
    const refused = queue.put('b', { id: 'own', signal: giveUp.signal })
    giveUp.abort(new Error('enough'))
    await expect(refused).rejects.toThrow('enough')
    await queue.start().onIdle()
    expect(await queue.submit('b', { id: 'own' })).toBe('b')
  })

  it('is not taken by a put whose options are wrong', async () => {
    const queue = QueueFactory.fifo<string, string>({ handler }).start()
    const wrong: PutOptions = { id: 'own', timeout: -1 }
    await expect(queue.put('a', wrong)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    expect(await queue.submit('a', { id: 'own' })).toBe('a')
  })
})

type Ids = LocalQueue<string, string>
