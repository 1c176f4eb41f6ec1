import { getEventListeners } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type Job,
  LimiterFactory,
  type LocalQueue,
  type PutOptions,
  QueueFactory,
  type QueueOptions,
} from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { tellsWhoAwaits } from '../support/async-stacks.ts'

const unhandled: unknown[] = []
const trap = (error: unknown) => unhandled.push(error)
beforeAll(() => void process.on('unhandledRejection', trap))
afterAll(async () => {
  await turn()
  process.off('unhandledRejection', trap)
  expect(unhandled).toEqual([])
})

const turn = () => new Promise((resolve) => setImmediate(resolve))
const never = () => new Promise<never>(() => {})
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: { code?: string } | undefined) => error?.code ?? String(error),
  )

describe('order', () => {
  it('is arrival for fifo, priority and then arrival for priority', async () => {
    const seen: string[] = []
    const queue = QueueFactory.priority({ handler: (item: string) => seen.push(item) })
    const put = (item: string, priority?: number) =>
      queue.put(item, priority === undefined ? {} : { priority })
    await Promise.all([put('a'), put('b', 5), put('c', -1), put('d', 5), put('e', 0.5), put('f')])
    queue.start()
    await queue.onIdle()
    expect(seen.join('')).toBe('bdeafc')
  })

  it('takes priorities from the item, and lets them be changed while waiting', async () => {
    const seen: number[] = []
    const queue = QueueFactory.priority({
      priorityFn: (item: number) => item,
      handler: (item) => seen.push(item),
    })
    const jobs = await Promise.all([1, 2, 3].map((item) => queue.put(item)))
    expect((jobs[0] as Job).setPriority(10)).toBe(true)
    queue.start()
    await queue.onIdle()
    expect(seen).toEqual([1, 3, 2])
    expect((jobs[0] as Job).setPriority(1)).toBe(false)
  })

  it('lets nothing starve with aging', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.priority<string>({ clock, aging: '1s' })
    await queue.put('old', { priority: 0 })
    clock.advance('5s')
    await queue.put('new', { priority: 4 })
    await queue.put('urgent', { priority: 6 })
    expect([queue.tryGet(), queue.tryGet(), queue.tryGet()]).toEqual(['urgent', 'old', 'new'])
  })
})

describe('room', () => {
  const full = async (overflow: 'wait' | 'reject' | 'drop-oldest' | 'drop-newest') => {
    const queue = QueueFactory.fifo<number>({ maxSize: 2, overflow })
    await queue.put(1)
    await queue.put(2)
    return queue
  }

  it('wait: put resolves when there is room, first come, first served', async () => {
    const queue = await full('wait')
    const order: number[] = []
    const puts = [3, 4].map((item) => queue.put(item).then(() => order.push(item)))
    await turn()
    expect(order).toEqual([])
    expect(await queue.get()).toBe(1)
    await turn()
    expect(order).toEqual([3])
    expect([await queue.get(), await queue.get(), await queue.get()]).toEqual([2, 3, 4])
    await Promise.all(puts)
  })

  it('drop-oldest: a job that came back for another attempt makes room too', async () => {
    const clock = new ManualClock()
    const retry = { attempts: 2, backoff: 10, jitter: 'none' } as const
    let fail: (() => void) | undefined
    const handler = (item: string) =>
      item === 'flaky' ? new Promise<string>((_, reject) => (fail = reject)) : item
    const queue = QueueFactory.fifo({ maxSize: 1, overflow: 'drop-oldest', clock, retry, handler })
    queue.start()
    const flaky = code(queue.submit('flaky'))
    const old = code(queue.submit('old'))
    queue.pause()
    fail?.()
    await turn()
    expect(queue.size()).toBe(2)
    const fresh = queue.submit('new')
    expect(queue.size()).toBe(1)
    queue.resume()
    expect(await fresh).toBe('new')
    expect(await Promise.all([flaky, old])).toEqual(['JOB_DROPPED', 'JOB_DROPPED'])
  })

  it('wait: gives up by timeout and by signal', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo<number>({ maxSize: 1, clock })
    await queue.put(1)
    const controller = new AbortController()
    const results = [
      code(queue.put(2, { timeout: '1s' })),
      code(queue.put(3, { signal: controller.signal })),
    ]
    clock.advance('1s')
    controller.abort('enough')
    expect(await Promise.all(results)).toEqual(['WAIT_TIMEOUT', 'enough'])
    expect(queue.size()).toBe(1)
    expect(queue.stats().offered).toBe(0)
    expect(clock.timers).toBe(0)
  })

  it('reject, drop-oldest, drop-newest', async () => {
    expect(await code((await full('reject')).put(3))).toBe('QUEUE_FULL')
    const oldest = await full('drop-oldest')
    const dropped: number[] = []
    oldest.on('dropped', ({ item }) => dropped.push(item))
    expect((await oldest.put(3)).state).toBe('waiting')
    expect([await oldest.get(), await oldest.get(), dropped]).toEqual([2, 3, [1]])
    const newest = await full('drop-newest')
    expect((await newest.put(3)).state).toBe('dropped')
    expect(await code(newest.submit(3))).toBe('JOB_DROPPED')
    expect(newest.size()).toBe(2)
  })
})

describe('a job that did not get in', () => {
  it('is forgotten by its signal, which must not take another one out of the line', async () => {
    const queue = QueueFactory.fifo<number>({ maxSize: 2, overflow: 'reject' })
    await queue.put(1)
    await queue.put(2)
    const controller = new AbortController()
    const { signal } = controller
    expect(await code(queue.put(3, { signal }))).toBe('QUEUE_FULL')
    expect(await code(queue.submit(3, { signal }))).toBe('QUEUE_FULL')
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    controller.abort()
    expect([queue.tryGet(), queue.tryGet(), queue.tryGet()]).toEqual([1, 2, undefined])
  })

  it('does not end the process where nobody awaits its put', async () => {
    const queue = QueueFactory.fifo<number>({ maxSize: 1 })
    const dropped: number[] = []
    queue.on('dropped', ({ item }) => dropped.push(item))
    void queue.put(1)
    void queue.put(2)
    const { notStarted } = await queue.stop({ mode: 'drop' })
    expect(notStarted.map(({ item }) => item)).toEqual([1, 2])
    expect(dropped).toEqual([2, 1])
  })
})

describe('a handler that puts into its own full queue', () => {
  /** A queue for two, with two waiting; handlers of 'more' put another one, after an await if `late`. */
  const set = async (workers: number, late: boolean, patience: PutOptions = {}) => {
    const queue: LocalQueue<string, string> = QueueFactory.fifo<string, string>({
      workers,
      maxSize: 2,
      handler: async (item) => {
        if (item !== 'more') return item
        if (late) await turn()
        return (await queue.put('new', patience)).id
      },
    })
    const puts = ['more', 'more'].map((item) => queue.submit(item))
    const rest = ['a', 'b'].map((item) => queue.submit(item))
    queue.start()
    return { queue, puts: await Promise.all(puts.map(code)), rest: await Promise.all(rest) }
  }

  for (const late of [false, true]) {
    const told = it.runIf(!late || tellsWhoAwaits)
    told(`is told that it would wait for ever${late ? ', after an await too' : ''}`, async () => {
      const { queue, puts, rest } = await set(1, late)
      // Those who waited outside took the room that each of them had left.
      expect(puts).toEqual(['QUEUE_DEADLOCK', 'QUEUE_DEADLOCK'])
      expect(rest).toEqual(['a', 'b'])
      await queue.stop()
    })
  }

  it.runIf(tellsWhoAwaits)('is told though a thousand others have come from outside', async () => {
    const queue: LocalQueue<string, string> = QueueFactory.fifo<string, string>({
      workers: 1,
      maxSize: 2,
      handler: async (item) => {
        if (item !== 'more') return item
        await turn()
        return (await queue.put('new')).id
      },
    })
    const put = queue.submit('more')
    queue.start()
    const others = Array.from({ length: 1000 }, (_, i) => queue.submit(`other ${i}`))
    expect(await code(put)).toBe('QUEUE_DEADLOCK')
    expect(await Promise.all(others)).toHaveLength(1000)
    await queue.stop()
  })

  for (const late of [false, true]) {
    it.runIf(!late || tellsWhoAwaits)(
      `waits while another worker can make room, and the last one that could is told${late ? ', after an await too' : ''}`,
      async () => {
        const { queue, puts } = await set(2, late)
        expect(puts).toEqual(['ok', 'QUEUE_DEADLOCK'])
        await queue.onIdle()
        expect(queue.stats()).toMatchObject({ failed: 1, offered: 0 })
        const alone = await set(3, late)
        expect(alone.puts).toEqual(['ok', 'ok'])
        await alone.queue.stop()
      },
    )
  }

  it('waits for a worker that is at rest until a job comes due, or the limiter lets one pass', async () => {
    const clock = new ManualClock()
    const ways = {
      delayed: [{}, { delay: 1 }],
      limited: [{ limiter: LimiterFactory.tokenBucket({ rate: 1, burst: 1, clock }) }, {}],
      'limited twice': [
        {
          limiter: LimiterFactory.composite([
            LimiterFactory.tokenBucket({ rate: 1, burst: 1, clock }),
            LimiterFactory.fixedWindow({ rate: 9, clock }),
          ]),
        },
        {},
      ],
    } as const
    for (const [way, [options, later]] of Object.entries(ways)) {
      const inner: Promise<string>[] = []
      const queue: LocalQueue<string, unknown> = QueueFactory.fifo<string, unknown>({
        ...options,
        clock,
        workers: 2,
        maxSize: 1,
        handler: (item) => {
          if (item !== 'more') return item
          void queue.put('later', later)
          inner.push(code(queue.put('new')))
          return inner[0]
        },
      }).start()
      const more = queue.submit('more')
      await clock.advanceAsync('3s')
      expect(await more, way).toBe('ok')
      expect((await queue.stop()).completed, way).toBe(3)
    }
  })

  for (const late of [false, true]) {
    it.runIf(!late || tellsWhoAwaits)(
      `counts as one, however much it puts${late ? ' after an await' : ''}`,
      async () => {
        for (const how of ['put', 'putMany'] as const) {
          const items = Array.from({ length: 50 }, (_, i) => `${how} ${i}`)
          const queue: LocalQueue<string, unknown> = QueueFactory.fifo<string, unknown>({
            workers: 2,
            maxSize: 2,
            handler: async (item) => {
              if (item !== 'more') return
              if (late) await turn()
              if (how === 'put') await Promise.all(items.map((each) => queue.put(each)))
              else await queue.putMany(items)
            },
          }).start()
          expect(await code(queue.submit('more')), how).toBe('ok')
          expect((await queue.stop()).completed, how).toBe(51)
        }
      },
    )
  }

  it('does not count once it has ended, though it has not waited for what it put', async () => {
    const ends: (() => void)[] = []
    const told: Promise<string>[] = []
    const queue: LocalQueue<string, unknown> = QueueFactory.fifo<string, unknown>({
      workers: 2,
      maxSize: 1,
      handler: (item) => {
        if (item === 'long') return new Promise<void>((resolve) => ends.push(resolve))
        if (item === 'leaves') for (const each of ['waits', 'a', 'b']) void queue.put(each)
        if (item !== 'waits') return item
        told.push(code(queue.put('c')))
        return told[0]
      },
    }).start()
    const long = queue.submit('long')
    await queue.submit('leaves')
    await turn()
    expect(queue.stats().offered).toBe(2)
    for (const end of ends) end()
    await long
    expect(await told[0]).toBe('ok')
    expect((await queue.stop()).completed).toBe(6)
  })

  it.runIf(tellsWhoAwaits)('does not count once its worker was given to another job', async () => {
    const clock = new ManualClock()
    const told: string[] = []
    const queue: LocalQueue<string, unknown> = QueueFactory.fifo<string, unknown>({
      clock,
      workers: 2,
      maxSize: 1,
      onTimeout: 'release',
      handler: async (item) => {
        if (item === 'wait') await never()
        if (item !== 'more') return
        await turn()
        told.push(await code(Promise.all(['a', 'b'].map((each) => queue.put(each)))))
      },
    }).start()
    const first = code(queue.submit('more', { timeout: 1 }))
    const second = code(queue.submit('wait', { timeout: 2 }))
    await queue.put('more')
    await turn()
    await clock.advanceAsync('1s')
    await turn()
    // The handler of the first one still waits for room, and its worker has begun the third.
    expect([await first, queue.stats().offered, told]).toEqual(['JOB_TIMEOUT', 3, []])
    await clock.advanceAsync('1s')
    expect(await second).toBe('JOB_TIMEOUT')
    await queue.onIdle()
    expect(told).toEqual(['ok', 'ok'])
  })

  it('is told when the worker that could make room is taken away', async () => {
    const ends: (() => void)[] = []
    const queue: LocalQueue<string, string> = QueueFactory.fifo<string, string>({
      workers: 2,
      maxSize: 1,
      handler: async (item) => {
        if (item === 'long') await new Promise<void>((resolve) => ends.push(resolve))
        if (item !== 'more') return item
        void queue.put('rest')
        return code(queue.put('new'))
      },
    }).start()
    const results = ['long', 'more'].map((item) => queue.submit(item))
    await turn()
    expect(queue.stats().offered).toBe(1)
    queue.workers = 0
    await turn()
    expect(queue.stats().offered).toBe(1)
    queue.workers = 1
    expect(await results[1]).toBe('QUEUE_DEADLOCK')
    for (const end of ends) end()
    expect(await Promise.all(results)).toEqual(['long', 'QUEUE_DEADLOCK'])
    expect((await queue.stop()).completed).toBe(3)
  })

  it('is told where the jobs that wait need the end of its own', async () => {
    const ways = {
      permits: { limiter: LimiterFactory.concurrency({ limit: 1 }) },
      'permits of a part': {
        limiter: LimiterFactory.composite([
          LimiterFactory.tokenBucket({ rate: 1000 }),
          LimiterFactory.concurrency({ limit: 1 }),
        ]),
      },
      group: { group: () => 'g', groupConcurrency: 1 },
    }
    for (const [way, options] of Object.entries(ways)) {
      const queue: LocalQueue<string, string> = QueueFactory.fifo<string, string>({
        ...options,
        workers: 3,
        maxSize: 1,
        handler: async (item) => (item === 'more' ? code(queue.put('new')) : item),
      })
      const more = queue.submit('more')
      const rest = queue.submit('rest')
      queue.start()
      expect(await more, way).toBe('QUEUE_DEADLOCK')
      expect(await rest, way).toBe('rest')
      await queue.stop()
    }
  })

  it('waits as long as it has patience for', async () => {
    const { queue, puts } = await set(1, true, { timeout: '10ms' })
    expect(puts[0]).toBe('WAIT_TIMEOUT')
    await queue.stop()
  })

  it('outsiders wait, whoever runs', async () => {
    const queue = QueueFactory.fifo<number>({ maxSize: 1, handler: () => turn() }).start()
    await Promise.all(Array.from({ length: 5 }, (_, i) => queue.put(i)))
    expect((await queue.stop()).completed).toBe(5)
  })
})

describe('failures', () => {
  const bad: [string, () => unknown, string][] = [
    [
      'a throw',
      () => {
        throw new Error('boom')
      },
      'Error: boom',
    ],
    ['a rejection without a reason', () => Promise.reject(undefined), 'undefined'],
    [
      'a thenable whose then throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
        get then() {
          throw new Error('then')
        },
      }),
      'Error: then',
    ],
  ]

  for (const [name, handler, message] of bad) {
    it(`${name} fails the job, frees the worker and reaches 'failed'`, async () => {
      const queue = QueueFactory.fifo<() => unknown>().start()
      const failed: string[] = []
      queue.on('failed', ({ error }) => failed.push(String(error)))
      queue.on('failed', () => {
        throw new Error('a listener that throws')
      })
      const told = vi.spyOn(console, 'error').mockImplementation(() => {})
      const job = await queue.put(handler)
      expect(await code(queue.submit(handler))).toBe(message)
      expect(await code(job.result)).toBe(message)
      expect(job.state).toBe('failed')
      expect(failed).toEqual([message, message])
      expect(told).toHaveBeenCalledTimes(2)
      expect(await queue.submit(() => 'next')).toBe('next')
      expect(queue.stats()).toMatchObject({ failed: 2, completed: 1, running: 0 })
    })
  }

  it('nobody watches and nobody listens: said once, never thrown', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {})
    const queue = QueueFactory.fifo<() => unknown>().start()
    for (let i = 0; i < 3; i++) {
      await queue.put(() => {
        throw new Error('boom')
      })
    }
    void queue.submit(() => Promise.reject(new Error('boom')))
    await queue.onIdle()
    await turn()
    expect(told).toHaveBeenCalledTimes(1)
  })

  it('times out: the signal aborts, the job fails, the worker is held until the handler ends', async () => {
    const clock = new ManualClock()
    let signal: AbortSignal | undefined
    let finish: (() => void) | undefined
    const queue = QueueFactory.fifo<() => unknown>({ clock, timeout: '1s' }).start()
    const result = code(
      queue.submit(((ctx: { signal: AbortSignal }) => {
        signal = ctx.signal
        return new Promise<void>((resolve) => {
          finish = resolve
        })
      }) as () => unknown),
    )
    const next = queue.submit(() => 'next')
    clock.advance('1s')
    expect(await result).toBe('JOB_TIMEOUT')
    expect(signal?.aborted).toBe(true)
    expect(queue.stats()).toMatchObject({ waiting: 1, abandoned: 1, running: 0 })
    finish?.()
    expect(await next).toBe('next')
    expect(queue.stats()).toMatchObject({ abandoned: 0, failed: 1, completed: 1 })
    expect(clock.timers).toBe(0)
  })

  it('times out: the worker is released on request', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo<() => unknown>({
      clock,
      timeout: '1s',
      onTimeout: 'release',
    }).start()
    const result = code(queue.submit(never))
    const next = queue.submit(() => 'next')
    clock.advance('1s')
    expect(await result).toBe('JOB_TIMEOUT')
    expect(await next).toBe('next')
  })

  it('every attempt has a signal of its own', async () => {
    const clock = new ManualClock()
    const signals: AbortSignal[] = []
    const queue = QueueFactory.fifo<string, string>({
      clock,
      timeout: '1s',
      onTimeout: 'release',
      retry: { attempts: 2, backoff: 0 },
      handler: (item, { attempt, signal }) => {
        signals.push(signal)
        return attempt === 1 ? never() : item
      },
    }).start()
    const result = queue.submit('a')
    await clock.advanceAsync('1s')
    expect(await result).toBe('a')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
  })

  it('retries with backoff, then gives the letter to the dead letters', async () => {
    const clock = new ManualClock()
    const letters = QueueFactory.fifo<{ item: string; attempts: number }>()
    const attempts: number[] = []
    const queue = QueueFactory.fifo<string>({
      clock,
      retry: { attempts: 3, backoff: '1s', jitter: 'none' },
      deadLetter: letters,
      handler: (_, { attempt }) => {
        attempts.push(attempt)
        throw new Error(`try ${attempt}`)
      },
    }).start()
    const result = code(queue.submit('a'))
    await clock.advanceAsync('1s')
    expect(attempts).toEqual([1, 2])
    await clock.advanceAsync('1.9s')
    expect(attempts).toEqual([1, 2])
    await clock.advanceAsync('0.1s')
    expect(await result).toBe('Error: try 3')
    expect(await letters.get()).toMatchObject({ item: 'a', attempts: 3 })
  })
})

describe('what fails beside the jobs', () => {
  const fails = () => {
    throw new Error('boom')
  }
  const rejects = async () => fails()

  it('a listener that rejects goes to the console, and the others are told', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {})
    const queue = QueueFactory.fifo<string, string>({ handler: (item) => item }).start()
    const seen: string[] = []
    queue.on('completed', rejects)
    queue.on('completed', ({ item }) => seen.push(item))
    const broadcast = QueueFactory.broadcast<number>({ maxSize: 1 })
    broadcast.on('dropped', rejects)
    broadcast.subscribe()
    for (const item of [1, 2]) await broadcast.put(item)
    await queue.submit('a')
    await turn()
    expect(seen).toEqual(['a'])
    expect(told.mock.calls.map(([text]) => text)).toEqual([
      "aioflux: a listener to 'dropped' of broadcast 'broadcast' threw",
      "aioflux: a listener to 'completed' threw",
    ])
    // biome-ignore lint/suspicious/noExplicitAny: JavaScript without types.
    expect(() => queue.on('completed', undefined as any)).toThrow('listener must be a function')
  })

  // As queries of databases: what is to be done begins when it is awaited.
  const lazily = (run: () => void) => ({
    // biome-ignore lint/suspicious/noThenProperty: that is what it is about.
    then: (...ends: Parameters<Promise<void>['then']>) =>
      Promise.resolve()
        .then(run)
        .then(...ends),
  })

  for (const [name, deadLetter] of Object.entries({
    'throws at once': fails,
    'rejects later': rejects,
    'is a queue that is closed': { put: rejects },
    'rejects when it is awaited, as a query does': () => lazily(fails),
    'is a queue that throws': { put: fails },
  })) {
    it(`dead letters: who ${name} is told of as an error`, async () => {
      const queue = QueueFactory.fifo<string>({ handler: fails, deadLetter }).start()
      const errors: unknown[] = []
      queue.on('error', ({ error }) => errors.push(error))
      expect(await code(queue.submit('a'))).toBe('Error: boom')
      await turn()
      expect(errors).toEqual([new Error('boom')])
    })
  }

  it('dead letters: whoever answers with no promise is fine, and what can take none is named', async () => {
    const letters: unknown[] = []
    const deadLetter = { put: (letter: unknown) => void letters.push(letter) }
    // biome-ignore lint/suspicious/noExplicitAny: JavaScript without types.
    const fifo = (o: any) => QueueFactory.fifo<string>({ handler: fails, deadLetter: o })
    const queue = fifo(deadLetter).start()
    queue.on('error', ({ error }) => letters.push(error))
    expect(await code(queue.submit('a'))).toBe('Error: boom')
    expect(letters).toMatchObject([{ item: 'a', attempts: 1 }])
    for (const bad of [null, 5, {}, 'dead']) {
      expect(() => fifo(bad)).toThrow('deadLetter must be a function or a queue, got')
    }
  })
})

describe('calling off', () => {
  it('takes a waiting job out, and aborts a running one', async () => {
    const queue = QueueFactory.fifo<() => unknown>().start()
    let signal: AbortSignal | undefined
    let finish: (() => void) | undefined
    const running = await queue.put(((ctx: { signal: AbortSignal }) => {
      signal = ctx.signal
      return new Promise<void>((resolve) => {
        finish = resolve
      })
    }) as () => unknown)
    const waiting = await queue.put(() => 'never')
    expect([running.cancel('why'), waiting.cancel()]).toEqual([true, true])
    expect([running.cancel(), waiting.cancel()]).toEqual([false, false])
    expect(signal?.reason).toBe('why')
    expect(await code(running.result)).toBe('why')
    expect(await code(waiting.result)).toBe('JOB_CANCELLED')
    expect(queue.size()).toBe(0)
    finish?.()
    await queue.onIdle()
  })

  it('ends with the reason of cancel, by handle, by id and by signal', async () => {
    const ways = {
      fifo: () => QueueFactory.fifo<string>(),
      coalesce: () => QueueFactory.dedupe<string>({ mode: 'coalesce' }),
      latest: () => QueueFactory.dedupe<string>({ mode: 'latest' }),
    }
    const why = new Error('why')
    for (const [name, make] of Object.entries(ways)) {
      const queue = make()
      const told: unknown[] = []
      queue.on('cancelled', ({ reason }) => told.push(reason))
      const byHandle = await queue.put('a')
      byHandle.cancel(why)
      const byId = await queue.put('b')
      await queue.cancel(byId.id, why)
      for (const { result } of [byHandle, byId]) {
        await expect(result, name).rejects.toBe(why)
      }
      const leaving = new AbortController()
      const bySignal = queue.submit('c', { signal: leaving.signal })
      leaving.abort(why)
      await expect(bySignal, name).rejects.toBe(why)
      expect(told, name).toEqual([why, why, why])
    }
  })

  // Half a minute on Deno.
  it('one listener for each signal, none left, and 100,000 aborts in linear time', {
    timeout: 120_000,
  }, async () => {
    const queue = QueueFactory.priority<number>({ maxSize: Infinity })
    const controller = new AbortController()
    const { signal } = controller
    const kept = new AbortController()
    const results = Array.from({ length: 100_000 }, (_, i) =>
      queue.submit(i, { signal, priority: i % 7 }),
    )
    const survivor = await queue.put(-1, { signal: kept.signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    controller.abort('all')
    expect(queue.size()).toBe(1)
    expect((await Promise.allSettled(results)).every(({ status }) => status === 'rejected')).toBe(
      true,
    )
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    expect(await queue.get()).toBe(-1)
    expect(survivor.state).toBe('completed')
    expect(getEventListeners(kept.signal, 'abort')).toHaveLength(0)
  })
})

describe('time', () => {
  it('is never early, and may be longer than a timer can count', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.delay<string>({ clock, handler: (item) => item }).start()
    const done: string[] = []
    const put = (item: string, delay: '40d' | '1s' | '2s') =>
      void queue.submit(item, { delay }).then(() => done.push(item))
    put('late', '40d')
    put('b', '2s')
    put('a', '1s')
    await clock.advanceAsync('999ms')
    expect(done).toEqual([])
    await clock.advanceAsync('1ms')
    expect(done).toEqual(['a'])
    await clock.advanceAsync('1s')
    expect(done).toEqual(['a', 'b'])
    await clock.advanceAsync('39d')
    expect(done).toEqual(['a', 'b'])
    await clock.advanceAsync('1d')
    expect(done).toEqual(['a', 'b', 'late'])
  })

  it('at a Date goes by the date: through a suspend, and through a date set back', async () => {
    const clock = new ManualClock()
    let wall = Date.UTC(2026, 0, 1)
    const queue = QueueFactory.delay<string>({
      clock: { now: () => clock.now(), after: (d, run) => clock.after(d, run), wall: () => wall },
      handler: (item) => item,
    }).start()
    const job = await queue.put('a', { at: new Date(wall + 8 * 3_600_000) })
    await clock.advanceAsync('60s')
    expect(job.state).toBe('delayed')
    wall += 8 * 3_600_000
    await clock.advanceAsync('30s')
    expect(job.state).toBe('completed')
    const other = await queue.put('b', { at: new Date(wall + 1000) })
    wall -= 3_600_000
    await clock.advanceAsync('1m')
    expect(other.state).toBe('delayed')
    other.cancel()
    await other.result.catch(() => {})
    expect(clock.timers).toBe(0)
  })
})

describe('limits', () => {
  it('a limiter holds starts to its rate, in order', async () => {
    const clock = new ManualClock()
    const seen: number[] = []
    const queue = QueueFactory.priority<number>({
      workers: 5,
      clock,
      limiter: LimiterFactory.tokenBucket({ rate: 1, clock }),
      handler: (item) => seen.push(item),
    }).start()
    for (let i = 0; i < 3; i++) await queue.put(i)
    await clock.advanceAsync(0)
    await queue.put(9, { priority: 1 })
    expect(seen).toEqual([0])
    expect(queue.size()).toBe(3)
    await clock.advanceAsync('1s')
    expect(seen).toEqual([0, 9])
    await clock.advanceAsync('2s')
    expect(seen).toEqual([0, 9, 1, 2])
    await queue.stop()
    expect(clock.timers).toBe(0)
  })

  it('a key that has to wait lets the others pass', async () => {
    const running = new Map<string, number>()
    let most = 0
    const order: string[] = []
    // Its time does not pass: no busy machine makes the queue pause for the event loop.
    const clock = new ManualClock()
    const queue = QueueFactory.fifo<string>({
      clock,
      workers: 10,
      limiter: LimiterFactory.concurrency({ limit: 1, clock }),
      limiterKey: (item) => item.slice(0, 1),
      handler: async (item) => {
        const key = item.slice(0, 1)
        running.set(key, (running.get(key) ?? 0) + 1)
        most = Math.max(most, running.get(key) as number)
        order.push(item)
        await turn()
        running.set(key, (running.get(key) as number) - 1)
      },
    }).start()
    await Promise.all(['a1', 'a2', 'a3', 'b1', 'c1'].map((item) => queue.submit(item)))
    expect(most).toBe(1)
    expect(order.slice(0, 3)).toEqual(['a1', 'b1', 'c1'])
    expect(order.filter((item) => item.startsWith('a'))).toEqual(['a1', 'a2', 'a3'])
  })

  it('a parked job can be called off, and dropped', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo<string>({
      clock,
      limiter: LimiterFactory.tokenBucket({ rate: 1, clock }),
      limiterKey: (item) => item,
      handler: (item) => item,
    }).start()
    await queue.put('a')
    const jobs = [await queue.put('a'), await queue.put('a')]
    expect(queue.size()).toBe(2)
    jobs[0]?.cancel()
    expect(queue.size()).toBe(1)
    const report = await queue.stop({ mode: 'drop' })
    expect(report.notStarted).toHaveLength(1)
    expect(queue.size()).toBe(0)
    expect(clock.timers).toBe(0)
  })

  const byKey = (options: QueueOptions<string, string> = {}, rate = 1) => {
    const clock = new ManualClock()
    const seen: string[] = []
    const queue = QueueFactory.priority<string, string>({
      clock,
      limiter: LimiterFactory.tokenBucket({ rate, clock }),
      limiterKey: (item) => item.slice(0, 1),
      handler: (item) => {
        seen.push(item)
        return item
      },
      ...options,
    }).start()
    return { clock, queue, seen }
  }

  it('those set aside take room as others do', async () => {
    const { clock, queue, seen } = byKey({ maxSize: 2 })
    const puts = ['a1', 'a2', 'a3', 'a4'].map((item) => queue.put(item))
    expect(queue.stats()).toMatchObject({ waiting: 2, offered: 1 })
    await clock.advanceAsync('1s')
    expect(queue.stats()).toMatchObject({ waiting: 2, offered: 0 })
    await Promise.all(puts)
    await clock.advanceAsync('2s')
    expect(seen).toEqual(['a1', 'a2', 'a3', 'a4'])

    const shed = byKey({ maxSize: 2, overflow: 'drop-oldest' })
    for (const item of ['a1', 'a2', 'a3', 'a4']) await shed.queue.put(item)
    await shed.queue.put('a5', { priority: 1 })
    await shed.queue.put('a6')
    await shed.clock.advanceAsync('9s')
    expect(shed.seen).toEqual(['a1', 'a5', 'a6'])
  })

  it('those set aside can be moved among each other', async () => {
    const { clock, queue, seen } = byKey()
    const jobs = await Promise.all(['a1', 'a2', 'a3', 'a4'].map((item) => queue.put(item)))
    expect((jobs[3] as Job).setPriority(5)).toBe(true)
    await clock.advanceAsync('3s')
    expect(seen).toEqual(['a1', 'a4', 'a2', 'a3'])
  })

  it('whoever is called off after the limiter let him go leaves the others their turn', async () => {
    let finish: (() => void) | undefined
    const { clock, queue, seen } = byKey({
      handler: (item) => {
        seen.push(item)
        return item === 'b' ? new Promise<string>((done) => (finish = () => done(item))) : item
      },
    })
    const jobs = await Promise.all(['a1', 'b', 'a2', 'a3'].map((item) => queue.put(item)))
    await clock.advanceAsync(0)
    queue.workers = 2
    queue.workers = 1
    await clock.advanceAsync('1s')
    expect((jobs[2] as Job).cancel()).toBe(true)
    finish?.()
    await clock.advanceAsync('5s')
    expect(seen).toEqual(['a1', 'b', 'a3'])
  })

  it('key and cost are read once: whatever becomes of an item, its job goes', async () => {
    const limiterKey = vi.fn(() => 'key')
    const limiterCost = vi.fn(() => 1)
    const { clock, seen, queue } = byKey({ limiterKey, limiterCost })
    const items = ['a1', 'a2', 'a3', 'a4']
    const results = items.map((item) => code(queue.submit(item)))
    const fails = () => {
      throw new Error('read again')
    }
    limiterKey.mockImplementation(fails)
    limiterCost.mockImplementation(fails)
    await clock.advanceAsync('3s')
    expect(await Promise.all(results)).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect(seen).toEqual(items)
  })

  it('nobody goes for the price of another', async () => {
    const { clock, queue, seen } = byKey({ limiterCost: (item) => Number(item.slice(1)) }, 10)
    await queue.put('a10')
    const cheap = await queue.put('a1')
    await queue.put('a9')
    cheap.cancel()
    await clock.advanceAsync('0.89s')
    expect(seen).toEqual(['a10'])
    await clock.advanceAsync('0.02s')
    expect(seen).toEqual(['a10', 'a9'])
    await queue.put('a2')
    await queue.put('a8', { priority: 1 })
    await clock.advanceAsync('0.2s')
    expect(seen).toEqual(['a10', 'a9', 'a2'])
    await clock.advanceAsync('0.8s')
    expect(seen).toEqual(['a10', 'a9', 'a2', 'a8'])
  })
})

describe('a permit is held for as long as the handler runs', () => {
  const two = (options: QueueOptions<string, string> = {}) => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.concurrency({ limit: 1, clock })
    const ends: (() => void)[] = []
    const seen: string[] = []
    const queue = QueueFactory.fifo<string, string>({
      workers: 5,
      clock,
      limiter,
      handler: (item) => {
        seen.push(item)
        return new Promise<string>((done) => ends.push(() => done(item)))
      },
      ...options,
    }).start()
    return { clock, limiter, ends, seen, queue }
  }
  const keyed = { limiterKey: () => 'key' }

  it.each([{}, keyed])('whether it is wanted or not: %o', async (options) => {
    const { limiter, ends, seen, queue } = two(options)
    const first = await queue.put('a')
    await queue.put('b')
    await turn()
    expect(first.cancel()).toBe(true)
    await turn()
    expect(seen).toEqual(['a'])
    ends[0]?.()
    await turn()
    expect(seen).toEqual(['a', 'b'])
    ends[1]?.()
    await queue.onIdle()
    expect(await limiter.acquire(options === keyed ? 'key' : '')).toBe(true)
  })

  it.each([
    { onTimeout: 'hold', before: ['a'], retry: 1 },
    { onTimeout: 'release', before: ['a', 'b'], retry: 1 },
    { onTimeout: 'hold', before: ['a'], retry: { attempts: 2, backoff: 0 } },
  ] as const)('after a timeout as a worker is: %o', async ({ onTimeout, before, retry }) => {
    const { clock, ends, seen, queue } = two({ onTimeout, timeout: 5, retry })
    queue.on('failed', () => {})
    await queue.put('a')
    await queue.put('b')
    await clock.advanceAsync(5)
    await turn()
    expect(seen).toEqual(before)
    for (let i = 0; i < 4; i++) {
      for (const end of ends.splice(0)) end()
      await turn()
    }
    await queue.onIdle()
    expect(seen.slice(1).sort()).toEqual(retry === 1 ? ['b'] : ['a', 'b'])
    expect(clock.timers).toBe(0)
  })

  it('in a batch, until the batch ends', async () => {
    const seen: string[][] = []
    const ends: (() => void)[] = []
    const queue = QueueFactory.fifo<string>({
      workers: 5,
      batchSize: 1,
      limiter: LimiterFactory.concurrency({ limit: 1 }),
      batchFn: (items) => {
        seen.push(items)
        return new Promise<undefined>((done) => ends.push(() => done(undefined)))
      },
    }).start()
    const first = await queue.put('a')
    await queue.put('b')
    await turn()
    first.cancel()
    await turn()
    expect(seen).toEqual([['a']])
    ends[0]?.()
    await turn()
    expect(seen).toEqual([['a'], ['b']])
    ends[1]?.()
    await queue.stop()
  })
})

describe('the thread', () => {
  it('is let go while 100,000 tasks that end at once drain', async () => {
    // The best of a few, since other processes take the processor away too.
    let best = Infinity
    for (let round = 0; round < 5; round++) {
      const queue = QueueFactory.fifo<number>({
        maxSize: Infinity,
        handler: () => {
          for (let end = performance.now() + 0.002; performance.now() < end; );
        },
      })
      for (let i = 0; i < 100_000; i++) void queue.put(i)
      queue.start()
      const began = performance.now()
      const late = await new Promise<number>((resolve) => {
        setTimeout(() => resolve(performance.now() - began), 0)
      })
      expect(queue.size()).toBeGreaterThan(0)
      best = Math.min(best, late)
      queue.clear()
      await queue.onIdle()
    }
    expect(best).toBeLessThan(20)
  })

  it('is not overflown by a million tasks, nor by puts from handlers', async () => {
    let left = 1_000_000
    const queue: LocalQueue<() => unknown> = QueueFactory.fifo<() => unknown>({
      workers: 1000,
      maxSize: Infinity,
    }).start()
    const task = () => {
      if (left-- > 0) void queue.put(task)
    }
    await queue.put(task)
    await queue.onIdle()
    expect(left).toBe(-1)
  })

  it('more workers begin at once, fewer take effect as jobs end', async () => {
    const gates: (() => void)[] = []
    const queue = QueueFactory.fifo<number>({
      handler: () => new Promise<void>((resolve) => gates.push(resolve)),
    }).start()
    for (let i = 0; i < 5; i++) await queue.put(i)
    expect(queue.running).toBe(1)
    queue.workers = 3
    // On a busy machine the queue may have to let others have the thread first.
    await turn()
    expect(queue.running).toBe(3)
    queue.workers = 1
    gates[0]?.()
    gates[1]?.()
    await turn()
    expect(queue.running).toBe(1)
    queue.workers = 2
    await turn()
    expect(queue.running).toBe(2)
    for (let i = 2; i < 5; i++) {
      gates[i]?.()
      await turn()
    }
    await queue.onIdle()
  })
})
