import { describe, expect, expectTypeOf, it } from 'vitest'
import { QueueFactory, queued } from '../../src/index.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('queued', () => {
  it('makes each call of a function a job, and keeps its name, length and type', async () => {
    let running = 0
    let most = 0
    async function load(id: number, _twice?: boolean): Promise<string> {
      most = Math.max(most, ++running)
      await turn()
      running -= 1
      return `page ${id}`
    }
    const wrapped = queued({ workers: 2 })(load)
    expectTypeOf(wrapped).toEqualTypeOf<typeof load>()
    expect([wrapped.name, wrapped.length]).toEqual(['load', 2])
    expect(await Promise.all([1, 2, 3, 4].map((id) => wrapped(id)))).toEqual([
      'page 1',
      'page 2',
      'page 3',
      'page 4',
    ])
    expect(most).toBe(2)
    const sync = queued()((a: number) => a + 1)
    expectTypeOf(sync).returns.toEqualTypeOf<Promise<number>>()
    expect(await sync(1)).toBe(2)
    await expect(
      queued()(() => {
        throw new Error('boom')
      })(),
    ).rejects.toThrow('boom')
  })

  it('decorates a method, keeps this, and ranks calls by their arguments', async () => {
    const seen: string[] = []
    class Mailer {
      readonly from: string
      constructor(from: string) {
        this.from = from
      }

      @queued({ priorityFn: (_: string, urgent: boolean) => (urgent ? 1 : 0) })
      async send(to: string, _urgent: boolean): Promise<string> {
        await turn()
        seen.push(to)
        return `${this.from} to ${to}`
      }
    }
    const mailer = new Mailer('me')
    const results = [mailer.send('a', false), mailer.send('b', false), mailer.send('c', true)]
    expect(await Promise.all(results)).toEqual(['me to a', 'me to b', 'me to c'])
    expect(seen).toEqual(['a', 'c', 'b'])
  })

  it('uses a queue of your own, and starts nothing before the first call', async () => {
    const queue = QueueFactory.fifo<() => unknown>()
    let started = 0
    const start = queue.start.bind(queue)
    queue.start = () => {
      started += 1
      return start()
    }
    const wrapped = queued({ queue })((n: number) => n)
    expect(started).toBe(0)
    expect(await Promise.all([wrapped(1), wrapped(2)])).toEqual([1, 2])
    expect(started).toBe(1)
    await queue.stop()
    await expect(wrapped(3)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('answers with a promise, whatever goes wrong', async () => {
    const closed = QueueFactory.fifo()
    await closed.stop()
    await expect(queued({ queue: closed })(async () => 1)()).rejects.toThrow('closed')
    const priorityFn = () => {
      throw new Error('no rank')
    }
    await expect(queued({ priorityFn })(async () => 1)()).rejects.toThrow('no rank')
  })

  it('refuses a queue whose items are no functions, and says what to do', async () => {
    const pulled = QueueFactory.fifo({ name: 'pulled' })
    await pulled.put('an item')
    for (const queue of [
      QueueFactory.fifo({ name: 'mails', handler: () => {} }),
      QueueFactory.fifo({ name: 'rows', batchSize: 2, batchFn: () => {} }),
      pulled,
    ]) {
      expect(() => queued({ queue })(async () => 1)).toThrow(
        `queue must take functions as items, and queue '${queue.name}' has a handler or other items: make a queue without handler`,
      )
    }
    const tasks = QueueFactory.fifo()
    await tasks.put(() => 0)
    expect(await queued({ queue: tasks })(async (n: number) => n + 1)(1)).toBe(2)
    await tasks.stop()
  })

  it('names what cannot work', () => {
    expect(() => queued({ workers: 0 })).toThrow(/workers/)
    expect(() => queued({ queue: QueueFactory.fifo(), workers: 1 })).toThrow(/workers and queue/)
    expect(() => queued({ priority: 'high' as never })).toThrow(/priority.*'high'/)
  })

  it('refuses what is neither method nor function, by name', () => {
    const wrapper = queued() as unknown as (...args: unknown[]) => unknown
    const says = (text: string) =>
      expect.objectContaining({ message: expect.stringContaining(text) })
    // What a legacy decorator of a field is called with.
    expect(() => wrapper({}, 'load', undefined)).toThrow(says("the field 'load'"))
    expect(() => wrapper(class {}, { kind: 'class', name: 'A' })).toThrow(says('a class'))
    expect(() => wrapper(() => 1, { kind: 'getter', name: 'a' })).toThrow(says('a getter'))
    expect(() => wrapper({}, 'size', { get: () => 1 })).toThrow(TypeError)
    expect(() => wrapper(5)).toThrow(says('fn must be a function, got 5'))
  })
})
