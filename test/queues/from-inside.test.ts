import { type Job, type LocalQueue, type PutOptions, QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

describe('a listener that calls off the job for which another is dropped', () => {
  const ways: Record<string, (queue: { cancel: Call; remove: Call }, abort: () => void) => void> = {
    'by its id': (queue) => void queue.cancel('new'),
    'by remove': (queue) => void queue.remove('new'),
    'by its signal': (_, abort) => abort(),
  }
  type Call = (id: string) => Promise<boolean>

  it.each(Object.entries(ways))('%s', async (_, callOff) => {
    const kinds = [
      QueueFactory.fifo,
      QueueFactory.priority,
      QueueFactory.delay,
      QueueFactory.dedupe,
    ]
    for (const make of kinds as (typeof QueueFactory.fifo)[]) {
      for (const how of ['put', 'submit', 'offer'] as const) {
        const ran: string[] = []
        const controller = new AbortController()
        const queue = make<string, void>({
          maxSize: 1,
          overflow: 'drop-oldest',
          handler: (item) => void ran.push(item),
        })
        queue.on('dropped', () => callOff(queue, () => controller.abort(new Error('called off'))))
        await queue.put('old')
        const options: PutOptions = { id: 'new', signal: controller.signal }
        const ended = Promise.resolve(queue[how]('new', options)).then(
          (told) => (typeof told === 'object' ? told.state : told),
          () => 'rejected',
        )
        await turns()
        expect(queue.size(), how).toBe(0)
        queue.start()
        await turns()
        expect(ran, how).toEqual([])
        if (how === 'put') expect(['cancelled', 'dropped']).toContain(await ended)
        if (how === 'submit') expect(await ended).toBe('rejected')
        await queue.stop()
      }
    }
  })
})

describe('a handler that ends the job in whose place its own job has begun', () => {
  const calledOff: Record<string, (first: Job<unknown>, queue: LocalQueue<number>) => unknown> = {
    'a cancel of it': (first) => first.cancel(),
    'a removal of it': (first, queue) => queue.remove(first.id),
  }

  it.each(Object.entries(calledOff))('comes too late after %s', async (_, callOff) => {
    const told: string[] = []
    const first: { job?: Job<unknown> } = {}
    const queue = QueueFactory.fifo<number>({
      clock: new ManualClock(),
      workers: 1,
      maxSize: 2,
      batchSize: 2,
      batchTimeout: 1,
      group: (item) => (item < 3 ? 'one' : 'another'),
      groupConcurrency: 1,
      batchFn: (items) => {
        told.push(`${items}: ${first.job?.state}, ${String(first.job?.cancel())}`)
      },
    })
    queue.on('cancelled', ({ item }) => told.push(`cancelled ${item}`))
    queue.on('dropped', ({ item }) => told.push(`dropped ${item}`))
    queue.start()
    const job = await queue.put(1)
    first.job = job
    const result = job.result.catch((error: { code: string }) => error.code)
    await queue.put(2)
    // It waits for room, and fills a batch when it has it.
    void queue.put(3)
    await turns()
    expect(await callOff(job, queue)).toBe(true)
    await turns()
    const state = job.state
    expect(told).toEqual([`2,3: ${state}, false`, `${state} 1`])
    expect(await result).toBe(state === 'dropped' ? 'JOB_DROPPED' : 'JOB_CANCELLED')
    await queue.stop()
  })
})

describe('a handler that cancels the job whose leaving made room for its own', () => {
  it('reaches the claim of that job', async () => {
    const clock = new ManualClock()
    const told: string[] = []
    const first: { job?: Job<unknown> } = {}
    const queue = QueueFactory.fifo<string>({
      clock,
      workers: 1,
      maxSize: 1,
      handler: (item) => void told.push(`${item}: ${first.job?.cancel()}`),
    })
    for (const event of ['cancelled', 'completed'] as const)
      queue.on(event, ({ item }) => told.push(`${event} ${item}`))
    queue.start()
    const job = await queue.put('first', { delay: 1 })
    first.job = job
    const claims = queue.claim()
    const second = queue.submit('second', {})
    await clock.advanceAsync('1s')
    await second
    const [claim] = await claims
    expect(claim?.signal.aborted).toBe(true)
    expect(await claim?.complete()).toBe(false)
    expect(told).toEqual(['cancelled first', 'second: true', 'completed second'])
    await queue.stop()
  })
})

describe('a dedupe queue that is used from inside', () => {
  const modes = ['ttl', 'pending', 'coalesce', 'latest', 'debounce'] as const

  it.each(modes)('knows the item that begins within its put: %s', async (mode) => {
    for (const how of ['put', 'submit', 'offer'] as const) {
      for (const options of [undefined, { timeout: 10 }]) {
        const ran: number[] = []
        const again: unknown[] = []
        const queue = QueueFactory.dedupe<number, number>({
          mode,
          delay: 0,
          keyFn: () => 'one',
          handler: (item) => {
            ran.push(item)
            if (item === 1) again.push(queue.offer(2), queue.put(3))
            return item
          },
        })
        queue.start()
        await Promise.resolve(queue[how](1, options))
        await turns()
        const [offered, put] = again
        const job = await (put as ReturnType<typeof queue.put>)
        const refuses = mode === 'ttl' || mode === 'pending'
        expect(offered, how).toBe(!refuses)
        if (refuses) expect(job.state, how).toBe('duplicate')
        const once = refuses || mode === 'coalesce'
        expect(ran, how).toEqual(once ? [1] : [1, 3])
        expect(await job.result, how).toBe(once ? 1 : 3)
        await queue.stop()
      }
    }
  })

  it('takes an item that failed within its put again, as soon as that is told', async () => {
    const told: (string | undefined)[] = []
    const queue = QueueFactory.dedupe<number>({
      keyFn: () => 'one',
      handler: (item) => {
        if (item === 1) throw new Error('one')
      },
    })
    queue.on('failed', () => void queue.put(2).then(({ state }) => told.push(state)))
    queue.start()
    await queue.put(1)
    await turns()
    expect(told).toEqual(['completed'])
    await queue.stop()
  })

  it.each(['latest', 'debounce'] as const)(
    'loses no item where a listener of duplicates lets the queue go on: %s',
    async (mode) => {
      const ran: number[] = []
      const queue = QueueFactory.dedupe<number, number>({
        mode,
        delay: 0,
        keyFn: () => 'one',
        handler: (item) => {
          ran.push(item)
          return item
        },
      })
      queue.start()
      queue.pause()
      queue.on('duplicate', () => queue.resume())
      const first = await queue.put(1)
      const second = await queue.put(2)
      await turns()
      expect(ran).toEqual([2])
      expect(await Promise.all([first.result, second.result])).toEqual([2, 2])
      await queue.stop()
    },
  )

  it('keeps the newest item where a listener of duplicates puts it', async () => {
    const ran: number[] = []
    const queue = QueueFactory.dedupe<number>({
      mode: 'latest',
      keyFn: () => 'one',
      handler: (item) => void ran.push(item),
    })
    queue.on('duplicate', ({ item }) => {
      if (item === 2) void queue.put(3)
    })
    await queue.put(1)
    await queue.put(2)
    queue.start()
    await turns()
    expect(ran).toEqual([3])
    await queue.stop()
  })

  it.each(['latest', 'debounce'] as const)(
    'runs an item once for which another is dropped, and which a listener replaces: %s',
    async (mode) => {
      const ran: string[] = []
      const queue = QueueFactory.dedupe<{ key: string; text: string }>({
        mode,
        delay: 0,
        maxSize: 2,
        overflow: 'drop-oldest',
        keyFn: ({ key }) => key,
        group: ({ key }) => key,
        handler: ({ text }) => void ran.push(text),
      })
      queue.on('dropped', ({ item }) => {
        if (item.key === 'a') void queue.put({ key: 'c', text: 'newer' })
      })
      for (const key of ['a', 'b', 'c']) await queue.put({ key, text: `first ${key}` })
      expect(queue.size()).toBe(2)
      queue.start()
      await turns()
      expect(ran).toEqual(['first b', 'newer'])
      expect(queue.size()).toBe(0)
      await queue.stop()
    },
  )
})

describe('a queue that is stopped from inside', () => {
  it.each(['drain', 'drop'] as const)(
    'drops the job for which another is dropped, where that stops it: %s',
    async (mode) => {
      const queue = QueueFactory.fifo<number, void>({
        maxSize: 1,
        overflow: 'drop-oldest',
        handler: () => {},
      })
      const stops: Promise<unknown>[] = []
      queue.on('dropped', () => void stops.push(queue.stop({ mode })))
      await queue.put(1)
      const job = await queue.put(2)
      await Promise.all(stops)
      expect(job.state).toBe('dropped')
      await expect(job.result).rejects.toMatchObject({ code: 'JOB_DROPPED' })
      expect(queue.size()).toBe(0)
    },
  )

  it.each(['fails', 'is timed out'] as const)(
    'ends a job whose handler has stopped it and then %s',
    async (how) => {
      for (const baseDelay of [0, 1]) {
        const clock = new ManualClock()
        let report: unknown
        const queue = QueueFactory.fifo<number, void>({
          clock,
          timeout: '1s',
          retry: { attempts: 2, baseDelay },
          handler: async () => {
            report = await queue.stop()
            if (how === 'fails') throw new Error('after the report')
            await new Promise(() => {})
          },
        })
        queue.start()
        const job = await queue.put(1)
        await turns()
        expect(report).toMatchObject({ stillRunning: [{ item: 1 }] })
        await clock.advanceAsync(5)
        expect(queue.size()).toBe(0)
        expect(job.state).toBe('dropped')
        await expect(job.result).rejects.toMatchObject({ code: 'JOB_DROPPED' })
        expect(clock.timers).toBe(0)
      }
    },
  )
})

describe.each([true, false])(
  'what says how jobs are retried, of a handler that throws at once: %s',
  (atOnce) => {
    /** A queue whose job fails, and what is done to it when its retry is asked for. */
    function failing(
      how: 'backoff' | 'retryIf',
      act: (queue: LocalQueue<string>) => unknown,
      timeout?: number,
    ) {
      const clock = new ManualClock()
      const ran: number[] = []
      const told: string[] = []
      const ask = () => {
        act(queue)
        return how === 'retryIf' ? true : 0.01
      }
      const queue: LocalQueue<string> = QueueFactory.fifo<string>({
        clock,
        retry: { attempts: 3, baseDelay: 0, [how]: ask },
        ...(timeout !== undefined && { timeout }),
        handler: (_, { attempt }) => {
          ran.push(attempt)
          if (timeout !== undefined) return new Promise(() => {})
          if (atOnce) throw new Error('broken')
          return Promise.reject(new Error('broken'))
        },
      })
      for (const event of [
        'completed',
        'failed',
        'retry',
        'timeout',
        'cancelled',
        'dropped',
        'error',
      ] as const)
        queue.on(event, () => told.push(event))
      return { clock, ran, told, queue }
    }

    it.each(['backoff', 'retryIf'] as const)(
      'finds the job running in %s, and a cancel holds',
      async (how) => {
        const states: (string | undefined)[] = []
        const said: boolean[] = []
        let job: Job<unknown> | undefined
        const { clock, ran, told, queue } = failing(how, () => {
          states.push(job?.state)
          said.push(job?.cancel(new Error('called off')) === true)
        })
        job = await queue.put('one')
        const result = job.result.catch((error: Error) => error.message)
        queue.start()
        for (let i = 0; i < 3; i++) await clock.advanceAsync(1)
        expect({ states, said, ran, told }).toEqual({
          states: ['running'],
          said: [true],
          ran: [1],
          told: ['cancelled'],
        })
        expect(await result).toBe('called off')
        expect(job.state).toBe('cancelled')
        expect(queue.stats()).toMatchObject({ waiting: 0, running: 0, abandoned: 0, failed: 0 })
        expect((await queue.stop()).stillRunning).toEqual([])
      },
    )

    it('may cancel by the id on the direct route', async () => {
      const { clock, ran, told, queue } = failing(
        'retryIf',
        () => void queue.cancel('1', new Error('called off')),
      )
      queue.start()
      const result = queue.submit('one').catch((error: Error) => error.message)
      for (let i = 0; i < 3; i++) await clock.advanceAsync(1)
      expect({ ran, told }).toEqual({ ran: [1], told: ['cancelled'] })
      expect(await result).toBe('called off')
    })

    it('may cancel a job that ran too long', async () => {
      const { clock, ran, told, queue } = failing(
        'retryIf',
        () => void queue.cancel('1', new Error('called off')),
        1,
      )
      queue.start()
      const result = queue.submit('one').catch((error: Error) => error.message)
      for (let i = 0; i < 3; i++) await clock.advanceAsync(1)
      expect({ ran, told }).toEqual({ ran: [1], told: ['cancelled'] })
      expect(await result).toBe('called off')
      expect(queue.stats()).toMatchObject({ waiting: 0, running: 0, abandoned: 1 })
    })
  },
)
