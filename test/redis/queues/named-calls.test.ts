import { QueueFactory, queued } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest'

describe('queued over a storage', () => {
  const storages: RedisStorage[] = []
  const queues: { stop(): Promise<unknown> }[] = []
  let name = ''
  const url = inject('redisUrl')
  beforeEach(() => {
    name = `q-${crypto.randomUUID()}`
  })
  afterAll(async () => {
    await Promise.all(queues.map((queue) => queue.stop()))
    await Promise.all(storages.map((storage) => storage.close()))
  })

  /** The queue as one more process has it. */
  function process() {
    const storage = new RedisStorage({ url, prefix: 'calls' })
    storages.push(storage)
    const queue = QueueFactory.priority({ name, storage, workers: 2 })
    queues.push(queue)
    return queue
  }

  it('a call is done by whichever process has a function of that name', async () => {
    const caller = process()
    await caller.pause()
    const add = queued({ queue: caller, name: 'add' })((_a: number, _b: number): number => {
      throw new Error('the caller does nothing itself')
    })
    const worker = process()
    queued({ queue: worker, name: 'add' })(async (a: number, b: number) => a + b)
    await worker.start()
    expect(await Promise.all([add(1, 2), add(3, 4)])).toEqual([3, 7])
    const job = await caller.put({ name: 'add', args: [5, 6] })
    expect(await job.result).toBe(11)
  })

  it('the first call starts the queue, and what is thrown is the cause', async () => {
    const queue = process()
    const fail = queued({ queue })(async function fail(why: string) {
      throw new RangeError(why)
    })
    await expect(fail('too hot')).rejects.toMatchObject({
      code: 'JOB_FAILED',
      cause: { name: 'RangeError', message: 'too hot' },
    })
  })

  it('a call that one process does not know is left to one that does', async () => {
    const [one, two] = [process(), process()]
    queued({ queue: one, name: 'a' })(async () => 'a of one')
    await one.start()
    const told: unknown[] = []
    one.on('error', ({ error }) => told.push((error as Error).message))
    const job = await one.put({ name: 'b', args: [] })
    const result = job.result
    await expect.poll(async () => (await one.counts()).delayed).toBe(1)
    queued({ queue: two, name: 'b' })(async () => 'b of two')
    await two.start()
    expect(await result).toBe('b of two')
    expect((await one.counts()).dead).toBe(0)
    expect(told).toEqual([expect.stringContaining("no function 'b'")])
  })

  it('an item that is no call fails', async () => {
    const queue = process()
    queued({ queue, name: 'a' })(async () => 1)
    await queue.start()
    await expect(queue.submit('a' as never)).rejects.toMatchObject({
      code: 'JOB_FAILED',
      cause: { message: expect.stringContaining('must be a call, { name, args }') },
    })
  })

  it('methods that do not use this are taken, and the others refused by name', () => {
    const queue = process()
    class Plain {
      @queued({ queue })
      async plain(who: string) {
        // this comment does not count, nor does the text
        return `this is ${who}this`
      }
    }
    expect(new Plain()).toBeDefined()
    expect(() => {
      class Bound {
        from = 'me'
        @queued({ queue })
        async bound(who: string) {
          return `${this.from} to ${who}`
        }
      }
      return Bound
    }).toThrow(/target must not be a method that uses this .*'bound'/)
    expect(() => {
      class Field {
        @queued({ queue })
        field = async function field() {}
      }
      return new Field()
    }).toThrow(/a field of each instance/)
  })

  it('names are one function each, and given where there is none', () => {
    const queue = process()
    queued({ queue, name: 'a' })(async () => 1)
    expect(() => queued({ queue, name: 'a' })(async () => 2)).toThrow(/'a'/)
    expect(() => queued({ queue })(async () => 2)).toThrow(/name is needed/)
    expect(() => queued({ queue, name: '' })).toThrow(/name/)
    expect(() => queued({ name: 'a' })(async () => 2)).toThrow(/name is for a queue over a storage/)
  })

  it('a queue with a handler is refused', () => {
    const storage = new RedisStorage({ url, prefix: 'calls' })
    storages.push(storage)
    const queue = QueueFactory.fifo({ name, storage, handler: () => 1 })
    queues.push(queue)
    expect(() => queued({ queue, name: 'a' })(async () => 2)).toThrow(/must have no handler/)
  })
})
