import {
  type DedupeOptions,
  type FifoOptions,
  type Job,
  LimiterFactory,
  type PriorityOptions,
  QueueFactory,
  type QueueOptions,
  type SharedQueue,
  type TaskContext,
} from 'aioflux'
import { Metrics } from 'aioflux/metrics'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { queueDedupeExam } from '../../exams/queue-dedupe-exam.ts'
import { queueDueExam } from '../../exams/queue-due-exam.ts'
import { queueInputExam } from '../../exams/queue-input-exam.ts'
import { queueListExam } from '../../exams/queue-list-exam.ts'
import { queueNewsExam } from '../../exams/queue-news-exam.ts'
import { queueOwnIdExam } from '../../exams/queue-own-id-exam.ts'
import { queuePullExam } from '../../exams/queue-pull-exam.ts'
import { queueRedriveExam } from '../../exams/queue-redrive-exam.ts'
import { queueRoomExam } from '../../exams/queue-room-exam.ts'
import { queueStoppedExam } from '../../exams/queue-stopped-exam.ts'
import { clients, libraries, type OpenClient } from '../../support/clients.ts'
import { until } from '../../support/until.ts'

type Any<T> = QueueOptions<T, unknown>
// biome-ignore lint/suspicious/noExplicitAny: queues of whatever these tests put.
type Shared = SharedQueue<any, any>

/** Longer than any test: a timeout of it is never what ends a wait. */
const LONG = '1m'

describe.each(libraries)('queues over Redis, by %s', (library) => {
  let open: OpenClient
  const storages: RedisStorage[] = []
  const queues: Shared[] = []
  let name = ''

  beforeAll(async () => {
    open = await clients[library](inject('redisUrl'))
  })
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.stop({ deadline: 0 })))
    await Promise.all(storages.splice(0).map((storage) => storage.close()))
    name = ''
  })
  afterAll(() => open.end())

  /** A storage of its own is what tells processes apart, as far as Redis can see. */
  const storage = () => {
    const made = new RedisStorage({ client: open.client, prefix: 'durable' })
    storages.push(made)
    return made
  }
  const keep = <Q extends Shared>(queue: Q): Q => {
    queues.push(queue)
    return queue
  }
  const named = () => {
    name ||= `q-${crypto.randomUUID()}`
    return name
  }
  const over = () => ({ name: named(), storage: storage() })
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const priority = <T = any, R = any>(options: PriorityOptions<T, R> = {}) =>
    keep(QueueFactory.priority<T, R>({ ...over(), ...options }) as unknown as Shared)
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const fifo = (options: FifoOptions<any, any> = {}) =>
    keep(QueueFactory.fifo({ ...over(), ...options }) as unknown as Shared)
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const delayed = (options: Any<any> = {}) =>
    keep(QueueFactory.delay({ ...over(), ...options }) as unknown as Shared)
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const dedupe = (options: DedupeOptions<any, any> = {}) =>
    keep(QueueFactory.dedupe({ ...over(), ...options }) as unknown as Shared)

  const started = async <Q extends Shared>(queue: Q): Promise<Q> => {
    await queue.start()
    return queue
  }
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'no error',
      (error) => error.code,
    )

  describe('results', () => {
    it('come from whichever process worked', async () => {
      const producer = priority()
      await started(priority({ handler: (n: number) => ({ twice: n * 2 }) }))
      expect(await producer.submit(21, { timeout: LONG })).toEqual({ twice: 42 })
      const job: Job = await producer.put(4)
      expect(await job.result).toEqual({ twice: 8 })
      expect(job.state).toBe('completed')
    })

    it('undefined, null and bytes arrive as they are', async () => {
      const producer = priority()
      await started(priority({ handler: (item: unknown) => (item === 1 ? undefined : item) }))
      expect(await producer.submit(1, { timeout: LONG })).toBeUndefined()
      expect(await producer.submit(null, { timeout: LONG })).toBeNull()
      const bytes = new Uint8Array([0, 255, 10])
      expect(await producer.submit(bytes, { timeout: LONG })).toEqual(bytes)
    })

    it('a failure is JOB_FAILED, with the original as its cause', async () => {
      const producer = priority()
      await started(
        priority({
          handler: () => {
            throw Object.assign(new RangeError('too hot'), { code: 'E_HOT' })
          },
        }),
      )
      const error = await producer.submit('x', { timeout: LONG }).catch((e: unknown) => e)
      expect(error).toMatchObject({
        code: 'JOB_FAILED',
        cause: { name: 'RangeError', message: 'too hot', code: 'E_HOT' },
      })
      expect((error as Error & { cause: Error }).cause).toBeInstanceOf(Error)
      expect((error as Error & { cause: Error }).cause.stack).toContain('durable-queue.test')
    })

    it('the timeout of submit bounds the wait, and the job goes on', async () => {
      const producer = priority()
      const error = await producer.submit('later', { timeout: '30ms' }).catch((e: unknown) => e)
      expect(error).toMatchObject({ code: 'WAIT_TIMEOUT' })
      expect(await producer.counts()).toMatchObject({ waiting: 1 })
    })

    it('of a removed job is JOB_GONE', async () => {
      const [a, b] = [priority(), priority()]
      const job = await a.put('x')
      const result = job.result.catch((e: unknown) => e)
      expect(await b.remove(job.id)).toBe(true)
      expect(await result).toMatchObject({ code: 'JOB_GONE' })
    })

    it('can be asked for after the end where results are kept, and are JOB_GONE where not', async () => {
      const producer = priority({ keep: { completed: '1h' } })
      const worker = await started(priority({ handler: (n: number) => n + 1 }))
      const job = await producer.put(1)
      await until('its end', async () => (await worker.counts()).completed === 1)
      expect(await job.result).toBe(2)

      name = ''
      const other = priority()
      const plain = await started(priority({ handler: (n: number) => n + 1 }))
      const gone = await other.put(1)
      await until('its end', async () => (await plain.counts()).completed === 1)
      expect(await codeOf(gone.result)).toBe('JOB_GONE')
      expect(await codeOf(gone.result)).toBe('JOB_GONE')
    })

    it('reject CLOSED when the queue stops before', async () => {
      const producer = priority()
      const job = await producer.put('x')
      const result = codeOf(job.result)
      await producer.stop()
      expect(await result).toBe('CLOSED')
      expect(await codeOf(producer.put('y'))).toBe('CLOSED')
      expect(await codeOf(producer.get())).toBe('CLOSED')
    })

    it('that are no JSON are told, and the job has completed', async () => {
      const producer = priority()
      const worker = await started(priority({ handler: () => 1n }))
      expect(await producer.submit('x', { timeout: LONG }).catch((e: unknown) => e)).toMatchObject({
        code: 'JOB_FAILED',
      })
      expect(await worker.counts()).toMatchObject({ completed: 1, dead: 0 })
    })

    it('completed and failed are told where they are awaited, once', async () => {
      const producer = priority()
      const worker = await started(
        priority({
          handler: (ok: boolean) => {
            if (!ok) throw new Error('no')
            return 'yes'
          },
        }),
      )
      const told: unknown[] = []
      for (const queue of [producer, worker]) {
        const who = queue === producer ? 'producer' : 'worker'
        queue.on('completed', ({ item, value }) => told.push([who, 'completed', item, value]))
        queue.on('failed', ({ item }) => told.push([who, 'failed', item]))
      }
      await producer.submit(true, { timeout: LONG })
      await producer.submit(false, { timeout: LONG }).catch(() => {})
      await worker.submit(true, { timeout: LONG })
      await until('all of it', () => told.length >= 5)
      expect(told.map(String).sort()).toEqual([
        'producer,completed,true,yes',
        'producer,failed,false',
        'worker,completed,true,yes',
        'worker,completed,true,yes',
        'worker,failed,false',
      ])
    })
  })

  describe('orders', () => {
    it('priority: higher first, and by arrival among equals', async () => {
      const [a, b] = [priority(), priority()]
      await a.put('low')
      await b.put('high', { priority: 10 })
      await a.put('high 2', { priority: 10 })
      await b.put('lowest', { priority: -0.5 })
      expect([await a.get(), await a.get(), await a.get(), await a.get()]).toEqual([
        'high',
        'high 2',
        'low',
        'lowest',
      ])
    })

    it('priorityFn is read when the item is put, and a waiting job can be moved', async () => {
      const queue = priority({ priorityFn: (item: { p: number }) => item.p })
      const [a] = await queue.putMany([{ p: 1 }, { p: 3 }, { p: 2 }])
      expect(await a?.setPriority(9)).toBe(true)
      const seen = [await queue.get(), await queue.get(), await queue.get()]
      expect(seen.map(({ p }) => p)).toEqual([1, 3, 2])
      expect(await a?.setPriority(1)).toBe(false)
    })

    it('fifo: by arrival', async () => {
      const queue = fifo()
      await queue.putMany(Array.from({ length: 1200 }, (_, i) => i))
      const claims = await queue.claim({ max: 200 })
      expect(claims.map(({ item }) => item)).toEqual(Array.from({ length: 200 }, (_, i) => i))
    })

    it('delay: relative and dated, never early', async () => {
      const queue = delayed()
      const sent = Date.now()
      await queue.putMany(['r', 'd'], (item) =>
        item === 'r' ? { delay: '600ms' } : { at: new Date(sent + 300) },
      )
      await queue.put('far', { delay: '1h' })
      expect(await queue.get()).toBe('d')
      expect(Date.now()).toBeGreaterThanOrEqual(sent + 299)
      expect(await queue.get()).toBe('r')
      expect(Date.now()).toBeGreaterThanOrEqual(sent + 599)
      expect(await queue.counts()).toMatchObject({ delayed: 1, waiting: 0 })
      const refused = queue.put('x', { delay: 1, at: new Date() })
      await expect(refused).rejects.toThrow(/at and delay/)
    })

    it('batches: filled, or sent after their fill time, with a result for each item', async () => {
      const producer = fifo()
      const sizes: number[] = []
      await started(
        fifo({
          batchSize: 3,
          batchTimeout: '50ms',
          batchFn: (items: number[]) => {
            sizes.push(items.length)
            return items.map((n) => n * 10)
          },
        }),
      )
      const results = await Promise.all(
        [1, 2, 3, 4].map((n) => producer.submit(n, { timeout: LONG })),
      )
      expect(results).toEqual([10, 20, 30, 40])
      expect(sizes.reduce((sum, n) => sum + n, 0)).toBe(4)
      expect(Math.max(...sizes)).toBeLessThanOrEqual(3)
    })

    it('a batch with one bad item fails that one alone', async () => {
      const worker = await started(
        fifo({
          batchSize: 4,
          batchTimeout: '20ms',
          batchFn: (items: number[], { fail }) => {
            for (const [i, n] of items.entries()) if (n === 2) fail(i, new Error('two'))
            return items
          },
        }),
      )
      const settled = await Promise.allSettled(
        [1, 2, 3].map((n) => worker.submit(n, { timeout: LONG })),
      )
      expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    })

    it('groups take turns, and have their bound over all processes', async () => {
      const options = { group: (item: string) => item.slice(0, 1), groupConcurrency: 2 }
      const [a, b] = [fifo(options), fifo(options)]
      await a.putMany(['a1', 'a2', 'a3', 'a4'])
      await b.putMany(['b1', 'c1'])
      expect(await a.groups({ limit: 1 })).toMatchObject([{ group: 'a', waiting: 4, running: 0 }])
      const first = await a.claim({ max: 4 })
      expect(first.map(({ item }) => item).sort()).toEqual(['a1', 'a2', 'b1', 'c1'])
      expect(await b.claim({ max: 4, timeout: 0 })).toEqual([])
      expect(await b.groups()).toMatchObject([{ group: 'a', waiting: 2, running: 2 }])
      await first.find(({ item }) => item === 'a1')?.complete()
      expect((await b.claim({ max: 4 })).map(({ item }) => item)).toEqual(['a3'])
      await a.put('x', { group: 'z' })
      expect((await a.groups()).map(({ group }) => group)).toContain('z')
    })
  })

  describe('work', () => {
    it('get and for await take one and settle it', async () => {
      const [a, b] = [fifo(), fifo()]
      await a.putMany([1, 2, 3])
      expect(await b.get()).toBe(1)
      const seen: unknown[] = []
      for await (const item of b) {
        seen.push(item)
        if (seen.length === 2) break
      }
      expect(seen).toEqual([2, 3])
      expect(await a.counts()).toMatchObject({ waiting: 0, running: 0, completed: 3 })
    })

    it('get waits for what another process puts, and no longer than its timeout or signal', async () => {
      const [a, b] = [fifo(), fifo()]
      const got = b.get()
      await a.put('late')
      expect(await got).toBe('late')
      expect(await codeOf(b.get({ timeout: '20ms' }))).toBe('WAIT_TIMEOUT')
      const controller = new AbortController()
      const aborted = b.get({ signal: controller.signal }).catch((e: unknown) => e)
      controller.abort(new Error('enough'))
      expect(await aborted).toMatchObject({ message: 'enough' })
    })

    it('claims by hand: complete, fail and release, and a delivery that rises', async () => {
      const [a, b] = [fifo(), fifo({ retry: { attempts: 2, baseDelay: 0 } })]
      const job = await a.put('x')
      const [first] = await b.claim({ max: 5 })
      expect(first).toMatchObject({ id: job.id, item: 'x', delivery: 1 })
      expect(await first?.release()).toBe(true)
      expect(await first?.complete()).toBe(false)
      const [second] = await b.claim()
      expect(second?.delivery).toBe(2)
      expect(await second?.fail(new Error('once'))).toBe(true)
      const [third] = await b.claim()
      expect(third?.delivery).toBe(3)
      expect(await third?.complete('done')).toBe(true)
      expect(await third?.complete('again')).toBe(false)
      expect(await a.counts()).toMatchObject({ completed: 1, running: 0, waiting: 0, delayed: 0 })
      expect(await b.claim({ timeout: '10ms' })).toEqual([])
    })

    it('the result of a claim by hand reaches the one who put', async () => {
      const [a, b] = [fifo(), fifo()]
      const result = a.submit('x', { timeout: LONG })
      const [claim] = await b.claim()
      await claim?.complete({ ok: 1 })
      expect(await result).toEqual({ ok: 1 })
    })

    it('claims by hand are renewed, and given back when the queue stops', async () => {
      const [a, b] = [fifo({ lease: '300ms' }), fifo()]
      await b.put('x')
      const [claim] = await a.claim()
      await new Promise((resolve) => setTimeout(resolve, 700))
      expect(claim?.signal.aborted).toBe(false)
      expect(await b.claim({ timeout: 0 })).toEqual([])
      await a.stop()
      expect(claim?.signal.aborted).toBe(true)
      expect((await b.claim({ timeout: LONG })).map(({ delivery }) => delivery)).toEqual([2])
    })

    it.each([{}, { group: (item: string) => item }])(
      'a job whose place was lost, as by a torn append-only file, is done when nothing else waits (%o)',
      async (options) => {
        const producer = fifo({ ...options, keep: { completed: 10 } })
        await producer.putMany(['a', 'b', 'c'])
        const raw = await clients.ioredis(inject('redisUrl'))
        await (raw.client as Redis).del(`durable:{queue:${producer.name}}:ready`)
        await producer.put('d')
        const dead = await producer.put('e', { retry: { attempts: 1 } })
        const done: string[] = []
        const worker = await started(
          fifo({
            ...options,
            keep: { completed: 10 },
            handler: (item: string) => {
              if (item === 'e') throw new Error('no')
              done.push(item)
            },
          }),
        )
        await until('all of them', () => done.length === 4)
        expect(done.toSorted()).toEqual(['a', 'b', 'c', 'd'])
        await until('rest', async () => (await worker.counts()).running === 0)
        expect(await worker.counts()).toMatchObject({ waiting: 0, dead: 1, completed: 4 })
        expect(await worker.job(dead.id)).toMatchObject({ state: 'dead' })
        raw.end()
      },
    )

    it('retries as data travel with the job, and each attempt is told', async () => {
      const producer = priority()
      const attempts: number[] = []
      const worker = await started(
        priority({
          handler: (_: unknown, { attempt, delivery }) => {
            attempts.push(attempt)
            expect(delivery).toBe(attempt)
            throw new Error(`no ${attempt}`)
          },
          keep: { dead: '1h' },
        }),
      )
      const error = await producer
        .submit('x', { retry: { attempts: 3, baseDelay: 0.001, jitter: 'none' }, timeout: LONG })
        .catch((e: unknown) => e)
      expect(error).toMatchObject({ code: 'JOB_FAILED', cause: { message: 'no 3' } })
      expect(attempts).toEqual([1, 2, 3])
      const { jobs } = await producer.jobs({ state: 'dead' })
      expect(jobs).toMatchObject([{ attempts: 3, error: { message: 'no 3' } }])
      expect(jobs[0]?.tries.map(({ error: each }) => each?.message)).toEqual([
        'no 1',
        'no 2',
        'no 3',
      ])
      expect(await worker.counts()).toMatchObject({ failed: 1, dead: 1 })
    })

    it('a timeout of put bounds an attempt, and the signal aborts', async () => {
      const producer = priority()
      let aborted = false
      await started(
        priority({
          handler: (_: unknown, { signal }) =>
            new Promise((resolve) => {
              signal.addEventListener('abort', () => {
                aborted = true
                resolve('too late')
              })
            }),
        }),
      )
      const job = await producer.put('x', { timeout: '50ms' })
      expect(await job.result.catch((e: unknown) => e)).toMatchObject({
        code: 'JOB_FAILED',
        cause: { code: 'JOB_TIMEOUT' },
      })
      expect(aborted).toBe(true)
    })

    it('workers can be changed while they run, and all of them work', async () => {
      const producer = fifo()
      let running = 0
      let most = 0
      const gates: (() => void)[] = []
      const worker = await started(
        fifo({
          handler: () => {
            running += 1
            most = Math.max(most, running)
            return new Promise<void>((resolve) =>
              gates.push(() => {
                running -= 1
                resolve()
              }),
            )
          },
        }),
      )
      await producer.putMany([1, 2, 3, 4, 5, 6])
      await until('one', () => running === 1)
      worker.workers = 4
      await until('four', () => running === 4)
      expect(worker.running).toBe(4)
      const done = until('all', async () => {
        for (const open of gates.splice(0)) open()
        return (await producer.counts()).completed === 6
      })
      await done
      expect(most).toBe(4)
    })

    it('an item that is taken while its queue stops is taken or goes back, and never both', async () => {
      for (let turns = 0; turns < 24; turns++) {
        const name = crypto.randomUUID()
        const queue = fifo({ name })
        await queue.put('a')
        const got = queue.get().catch(() => undefined)
        for (let i = 0; i < turns; i++) await new Promise<void>((next) => setImmediate(next))
        await queue.stop()
        const { waiting } = await fifo({ name }).counts()
        expect([await got, waiting], `${turns} turns`).toEqual(
          waiting === 0 ? ['a', 0] : [undefined, 1],
        )
      }
    })

    it('progress is seen by all, and told by an event where the handler runs', async () => {
      const producer = fifo()
      let end = () => {}
      const told: unknown[] = []
      const worker = fifo({
        handler: (_: unknown, { progress }) => {
          progress({ half: true })
          return new Promise<void>((resolve) => {
            end = resolve
          })
        },
      })
      worker.on('progress', ({ job, item, value }) => told.push([job.id, item, value]))
      await started(worker)
      const { id } = await producer.put('x')
      const info = await until('progress', async () => {
        const found = await producer.job(id)
        return found?.progress === undefined ? undefined : found
      })
      expect(info).toMatchObject({ state: 'running', progress: { half: true }, attempts: 1 })
      expect(told).toEqual([[id, 'x', { half: true }]])
      end()
    })

    it('offer and tryGet are refused, and say what to use', () => {
      const queue = fifo() as unknown as { offer(item: unknown): boolean; tryGet(): unknown }
      expect(() => queue.offer(1)).toThrow(/put or submit/)
      expect(() => queue.tryGet()).toThrow(/use get/)
    })
  })

  describe('looking and acting', () => {
    it('counts, size, job, jobs page by page', async () => {
      const [a, b] = [priority(), priority()]
      const [first] = await a.putMany([1, 2, 3, 4, 5], (item) => ({ priority: item }))
      await a.put('later', { delay: '1h' })
      const [claim] = await b.claim()
      expect(claim?.item).toBe(5)
      expect(await b.counts()).toMatchObject({
        waiting: 4,
        delayed: 1,
        running: 1,
        dead: 0,
        completed: 0,
        failed: 0,
      })
      expect(await b.size()).toBe(5)
      expect((await b.counts()).oldest).toBeGreaterThan(0)
      expect(await b.job(first?.id ?? '')).toMatchObject({
        id: first?.id,
        state: 'waiting',
        item: 1,
        priority: 1,
        attempts: 0,
        deliveries: 0,
        createdAt: expect.any(Date),
        tries: [],
      })
      expect(await b.job('unknown')).toBeUndefined()
      const page = await b.jobs({ state: 'waiting', limit: 3 })
      const rest = await b.jobs({ state: 'waiting', limit: 3, cursor: page.cursor ?? '' })
      expect([...page.jobs, ...rest.jobs].map(({ item }) => item).sort()).toEqual([1, 2, 3, 4])
      expect(rest.cursor).toBeUndefined()
      expect((await a.jobs({ state: 'running' })).jobs).toMatchObject([{ item: 5, deliveries: 1 }])
      expect((await a.jobs({ state: 'delayed' })).jobs).toMatchObject([
        { item: 'later', dueAt: expect.any(Date) },
      ])
      await expect(a.jobs({ state: 'gone' as 'dead' })).rejects.toThrow(/state/)
    })

    it('cancel of a waiting job: it never starts, and its result says so', async () => {
      const [a, b] = [fifo(), fifo()]
      const job = await a.put('x')
      // A server that does not know the script yet is asked twice, and the cancel would pass the question for the result.
      expect(await a.counts()).toMatchObject({ waiting: 1 })
      const result = job.result.catch((e: unknown) => e)
      const refused = b.cancel(job.id, 1n)
      await expect(refused).rejects.toMatchObject({ code: 'INVALID_OPTION', option: 'value' })
      expect(await b.cancel(job.id, 'not wanted')).toBe(true)
      expect(await result).toMatchObject({ code: 'JOB_CANCELLED', cause: 'not wanted' })
      expect(await b.cancel(job.id)).toBe(false)
      expect(await b.counts()).toMatchObject({ waiting: 0 })
    })

    it('cancel of a job that runs in another process: its signal aborts at once', async () => {
      const [a, b] = [fifo(), fifo()]
      let reason: unknown
      let began = 0
      await started(
        fifo({
          handler: (_: unknown, { signal }) =>
            new Promise((_resolve, reject) => {
              began += 1
              signal.addEventListener('abort', () => {
                reason = signal.reason
                reject(signal.reason)
              })
            }),
        }),
      )
      const job = await a.put('x')
      const result = job.result.catch((e: unknown) => e)
      await until('it runs', () => began === 1)
      const asked = performance.now()
      expect(await b.cancel(job.id, 'stop it')).toBe(true)
      await until('its signal', () => reason !== undefined, { every: 1 })
      expect(performance.now() - asked).toBeLessThan(5_000)
      expect(reason).toBeInstanceOf(Error)
      expect(reason).toMatchObject({ code: 'JOB_CANCELLED', cause: 'stop it' })
      expect(await result).toMatchObject({ code: 'JOB_CANCELLED', cause: 'stop it' })
      expect(await a.counts()).toMatchObject({ running: 0, dead: 0, failed: 0 })
    })

    it.each([
      ['an error', new RangeError('too many')],
      ['an object that looks like one', { name: 'RangeError', message: 'too many' }],
    ])(
      '%s that a job was cancelled with is one again, for the handler and for the caller',
      async (_, given) => {
        const [a, b] = [fifo(), fifo()]
        const job = await a.put('x')
        const result = job.result.catch((e: unknown) => e)
        const [claim] = await a.claim()
        expect(await b.cancel(job.id, given)).toBe(true)
        await until('its signal', () => claim?.signal.aborted, { every: 1 })
        const reason: unknown = claim?.signal.reason
        await claim?.fail(reason)
        for (const error of [reason, await result]) {
          expect(error).toMatchObject({
            code: 'JOB_CANCELLED',
            message: `job ${job.id} was cancelled`,
          })
          const { cause } = error as Error
          expect(cause instanceof Error).toBe(given instanceof Error)
          expect(cause).toMatchObject({ name: 'RangeError', message: 'too many' })
        }
      },
    )

    it('a handler that ends after its claim was lost is told by its signal all the same', async () => {
      let handed: AbortSignal | undefined
      let end = () => {}
      const worker = await started(
        fifo({
          // It asks for nothing more meanwhile, and so finds no job that stands nowhere.
          workers: 1,
          handler: async (_: string, { signal }: TaskContext) => {
            handed = signal
            await new Promise<void>((resolve) => {
              end = resolve
            })
          },
        }),
      )
      // Connected before: whoever looks for jobs a second later would find this one.
      const raw = await clients.ioredis(inject('redisUrl'))
      await worker.put('x')
      const { signal } = await until('the handler', () => handed && { signal: handed })
      await (raw.client as Redis).del(`durable:{queue:${worker.name}}:leases`)
      raw.end()
      expect(signal.aborted).toBe(false)
      end()
      await until('the abort', () => signal.aborted)
      expect(signal.reason).toMatchObject({ code: 'LEASE_LOST' })
      expect(worker.stats()).toMatchObject({ late: 1, completed: 0 })
    })

    it('a handler that ignores its cancellation and completes has completed', async () => {
      const [a, b] = [fifo(), fifo()]
      let aborted = false
      await started(
        fifo({
          handler: (_: unknown, { signal }) =>
            new Promise((resolve) => {
              signal.addEventListener('abort', () => {
                aborted = true
                resolve('done all the same')
              })
            }),
        }),
      )
      const job = await a.put('x')
      const { result } = job
      await until('it runs', async () => (await b.counts()).running === 1)
      expect(await job.cancel()).toBe(true)
      expect(await result).toBe('done all the same')
      expect(aborted).toBe(true)
    })

    it('the signal of a put calls the job off', async () => {
      const [a, b] = [fifo(), fifo()]
      const controller = new AbortController()
      const job = await a.put('x', { signal: controller.signal })
      const result = job.result.catch((reason: unknown) => reason)
      const why = new Error('why')
      controller.abort(why)
      expect(await result).toBe(why)
      expect(await b.counts()).toMatchObject({ waiting: 0 })
    })

    it('the dead: listed, counted by error, redriven afresh, removed', async () => {
      const [a, b] = [fifo(), fifo()]
      let broken = true
      await started(
        fifo({
          workers: 2,
          handler: (item: string) => {
            if (broken) throw new Error(item.startsWith('a') ? 'first' : 'second')
            return 'mended'
          },
        }),
      )
      await a.putMany(['a1', 'a2', 'b1'])
      await until('their deaths', async () => (await b.counts()).dead === 3)
      const deaths = await b.deadByError()
      expect(deaths).toMatchObject([
        { error: 'first', count: 2, first: expect.any(Date), last: expect.any(Date) },
        { error: 'second', count: 1 },
      ])
      const { jobs } = await b.jobs({ state: 'dead' })
      const b1 = jobs.find(({ item }) => item === 'b1')
      expect(await b.remove(b1?.id ?? '')).toBe(true)
      expect(await b.remove(b1?.id ?? '')).toBe(false)
      broken = false
      expect(await b.redrive({ error: 'second' })).toBe(0)
      expect(await b.redrive({ limit: 1 })).toBe(1)
      const left = (await b.jobs({ state: 'dead' })).jobs.map(({ id }) => id)
      expect(await b.redrive({ ids: [...left, 'unknown'] })).toBe(1)
      await until('their ends', async () => (await b.counts()).completed === 2)
      expect(await b.counts()).toMatchObject({ dead: 0, waiting: 0, completed: 2, failed: 3 })
    })

    it('pause everywhere holds for all processes, until resumed everywhere', async () => {
      const [a, b] = [fifo(), fifo()]
      let done = 0
      const worker = await started(fifo({ handler: () => done++ }))
      await b.pause({ everywhere: true })
      await a.putMany([1, 2])
      expect(await b.claim({ timeout: '50ms' })).toEqual([])
      expect(done).toBe(0)
      await worker.resume()
      expect(await worker.counts()).toMatchObject({ waiting: 2 })
      await a.resume({ everywhere: true })
      await until('both', () => done === 2)
    })

    it('pause without it holds for this process alone', async () => {
      const producer = fifo()
      const seen: string[] = []
      const left = await started(fifo({ handler: () => void seen.push('left') }))
      await started(fifo({ handler: () => void seen.push('right') }))
      await left.pause()
      await producer.putMany([1, 2, 3])
      await until('all', () => seen.length === 3)
      expect(seen).toEqual(['right', 'right', 'right'])
    })

    it('clear gives up what waits, and returns it', async () => {
      const [a, b] = [fifo(), fifo()]
      const [job] = await a.putMany([1, 2])
      await a.put(3, { delay: '1h' })
      const gone = codeOf((job as Job).result)
      expect((await b.clear()).sort()).toEqual([1, 2, 3])
      expect(await a.counts()).toMatchObject({ waiting: 0, delayed: 0 })
      expect(await gone).toBe('JOB_GONE')
    })

    it('onIdle speaks of the whole queue', async () => {
      const [a, b] = [fifo(), fifo()]
      await a.put(1)
      expect(await codeOf(a.onIdle({ timeout: '20ms' }))).toBe('WAIT_TIMEOUT')
      const idle = a.onIdle({ timeout: LONG })
      expect(await b.get()).toBe(1)
      await idle
    })

    it('metrics tell how many wait, as of the reading before', async () => {
      const metrics = new Metrics()
      const queue = fifo({ metrics })
      await queue.putMany([1, 2, 3])
      const series = `aioflux_queue_waiting{queue="${queue.name}"}`
      await expect.poll(() => metrics.getStats().gauges[series]).toBe(3)
      await queue.get()
      await expect.poll(() => metrics.getStats().gauges[series]).toBe(2)
    })

    it('stats tell when the storage was last reached', async () => {
      const queue = fifo()
      await queue.put(1)
      expect(queue.stats()).toMatchObject({ name, running: 0, lastReached: expect.any(Date) })
      expect(queue.stats().trouble).toBeUndefined()
    })
  })

  describe('stop', () => {
    it('finishes what runs, leaves what waits, and reports', async () => {
      const producer = fifo()
      let end = () => {}
      const worker = await started(
        fifo({
          handler: () =>
            new Promise<void>((resolve) => {
              end = resolve
            }),
        }),
      )
      await producer.putMany([1, 2, 3])
      await until('one runs', () => worker.running === 1)
      const stopping = worker.stop()
      end()
      expect(await stopping).toMatchObject({ completed: 1, failed: 0, notStarted: [], aborted: [] })
      expect(await producer.counts()).toMatchObject({ waiting: 2, running: 0, completed: 1 })
      expect(await worker.stop()).toBe(await stopping)
    })

    it('at its deadline aborts what runs and gives it back', async () => {
      const producer = fifo()
      let aborted = false
      const worker = await started(
        fifo({
          handler: (_: unknown, { signal }) =>
            new Promise<void>((resolve) =>
              signal.addEventListener('abort', () => {
                aborted = true
                resolve()
              }),
            ),
        }),
      )
      await producer.put('x')
      await until('it runs', () => worker.running === 1)
      const report = await worker.stop({ deadline: '20ms', grace: '200ms' })
      expect(aborted).toBe(true)
      expect(report.aborted).toMatchObject([{ item: 'x' }])
      const [claim] = await producer.claim({ timeout: LONG })
      expect(claim).toMatchObject({ item: 'x', delivery: 2 })
    })

    it("mode 'drop' deletes nothing that is shared", async () => {
      const [a, b] = [fifo(), fifo()]
      await a.putMany([1, 2])
      await a.stop({ mode: 'drop' })
      expect(await b.counts()).toMatchObject({ waiting: 2 })
    })
  })

  describe('stop lists a job once of which a handler runs on', () => {
    const twice = async () => {
      const ends: (() => void)[] = []
      const queue = await started(
        fifo({
          workers: 2,
          timeout: '30ms',
          onTimeout: 'release',
          retry: { attempts: 2, backoff: 0 },
          handler: (_: string, { attempt }: TaskContext) =>
            new Promise<void>((resolve) => {
              ends[attempt - 1] = resolve
            }),
        }),
      )
      await queue.put('a', { id: 'a' })
      await until('the second attempt', () => ends[1] !== undefined)
      return { queue, ends }
    }
    const a = [{ id: 'a', item: 'a' }]

    it('where another one runs on', async () => {
      const { queue } = await twice()
      await until('its timeout', () => queue.stats().abandoned === 2)
      expect(await queue.stop()).toMatchObject({ aborted: [], stillRunning: a })
    })

    it('where another one was aborted and ended', async () => {
      const { queue, ends } = await twice()
      const stopped = queue.stop({ deadline: 0, grace: '300ms' })
      await until('the abort', () => queue.stats().abandoned === 2)
      ends[1]?.()
      expect(await stopped).toMatchObject({ aborted: [], stillRunning: a })
    })
  })

  describe('own ids', () => {
    it('put again is one job, while it waits, runs, and after its end', async () => {
      const [a, b] = [fifo(), fifo()]
      const first = await a.put('x', { id: 'order 1' })
      const again = await b.put('y', { id: 'order 1' })
      expect([first.id, first.state]).toEqual(['order 1', 'waiting'])
      expect([again.id, again.state]).toEqual(['order 1', 'duplicate'])
      expect(await b.get()).toBe('x')
      expect((await a.put('z', { id: 'order 1' })).state).toBe('duplicate')
      expect(await a.counts()).toMatchObject({ waiting: 0, completed: 1 })
    })

    it('putMany with own ids can be repeated', async () => {
      const queue = fifo()
      const items = [1, 2, 3]
      const put = () => queue.putMany(items, (_, i) => ({ id: `i${i}` }))
      expect((await put()).map(({ state }) => state)).toEqual(['waiting', 'waiting', 'waiting'])
      expect((await put()).map(({ state }) => state)).toEqual([
        'duplicate',
        'duplicate',
        'duplicate',
      ])
      expect(await queue.size()).toBe(3)
    })

    it('a duplicate shares the result', async () => {
      const [a, b] = [fifo(), fifo()]
      const first = a.submit('x', { id: 'one', timeout: LONG })
      const second = b.submit('y', { id: 'one', timeout: LONG })
      const [claim] = await a.claim()
      await claim?.complete('shared')
      expect(await Promise.all([first, second])).toEqual(['shared', 'shared'])
    })
  })

  describe('dedupe', () => {
    queueDedupeExam((options) => {
      name = ''
      return dedupe(options)
    })

    it.each(['ttl', 'pending', 'coalesce'] as const)(
      '%s: one job, shared results',
      async (mode) => {
        const [a, b] = [dedupe({ mode }), dedupe({ mode })]
        const first = await a.put({ user: 1 })
        const second = await b.put({ user: 1 })
        expect(first.state).toBe('waiting')
        expect(second.state).toBe('duplicate')
        expect((await b.put({ user: 2 })).state).toBe('waiting')
        const results = Promise.all([first.result, second.result])
        const [claim] = await a.claim()
        expect(claim?.item).toEqual({ user: 1 })
        await claim?.complete('done')
        expect(await results).toEqual(['done', 'done'])
        const after = await a.put({ user: 1 })
        expect(after.state).toBe(mode === 'ttl' ? 'duplicate' : 'waiting')
      },
    )

    it('a number is not the string that a store might write for it', async () => {
      const queue = dedupe()
      const items = ['', 'string:', 1, '1', 'number:1', 'string:number:1', true, 'boolean:true']
      for (const item of items) expect((await queue.put(item)).state, `${item}`).toBe('waiting')
      for (const item of items) expect((await queue.put(item)).state, `${item}`).toBe('duplicate')
    })

    it('maxDelay is at least as long as delay', () => {
      const wrong = { mode: 'debounce', delay: '2s', maxDelay: '1s' } as const
      expect(() => dedupe(wrong)).toThrow('maxDelay must be at least as long as delay')
    })

    it('ttl: forgotten after its time', async () => {
      const queue = dedupe({ ttl: '80ms' })
      await queue.put('x')
      await queue.get()
      expect((await queue.put('x')).state).toBe('duplicate')
      const again = await until('its end', async () => {
        const job = await queue.put('x')
        return job.state === 'waiting' ? job : undefined
      })
      expect(again.state).toBe('waiting')
    })

    it('latest: the newest item takes the place', async () => {
      const [a, b] = [
        dedupe({ mode: 'latest', keyFn: (item: { k: string }) => item.k }),
        dedupe({ mode: 'latest', keyFn: (item: { k: string }) => item.k }),
      ]
      const first = await a.put({ k: 'x', n: 1 })
      const second = await b.put({ k: 'x', n: 2 })
      const results = Promise.all([first.result, second.result])
      const [claim] = await b.claim()
      expect(claim?.item).toEqual({ k: 'x', n: 2 })
      await a.put({ k: 'x', n: 3 })
      await claim?.complete('two')
      const [next] = await b.claim()
      expect(next?.item).toEqual({ k: 'x', n: 3 })
      await next?.complete('three')
      expect(await results).toEqual(['three', 'three'])
    })

    it('latest: the own id of the newest item stands for the job, whoever puts it again', async () => {
      const [a, b] = [0, 1].map(() => dedupe({ mode: 'latest', keyFn: (text: string) => text[0] }))
      await a?.put('a 1', { id: 'first' })
      expect(await a?.put('a 2', { id: 'second' })).toMatchObject({ id: 'first' })
      expect(await a?.job('second')).toBeUndefined()
      const told: unknown[] = []
      b?.on('duplicate', ({ key }) => void told.push(key))
      const again = await b?.put('b', { id: 'second' })
      expect(again).toMatchObject({ id: 'first', state: 'duplicate' })
      expect(told).toEqual(['second'])
      // It is the job of others.
      expect(await again?.cancel()).toBe(false)
      const result = again?.result
      const [claim] = (await a?.claim()) ?? []
      expect(claim?.item).toBe('a 2')
      await claim?.complete('done')
      expect(await result).toBe('done')
    })

    it('debounce: due when nothing came, with the newest item', async () => {
      const options = { mode: 'debounce' as const, keyFn: () => 'k', delay: '150ms' as const }
      const [a, b] = [dedupe(options), dedupe(options)]
      await a.put(1)
      await b.put(2)
      const sent = Date.now()
      await a.put(3)
      expect(await b.counts()).toMatchObject({ delayed: 1, waiting: 0 })
      expect(await b.get()).toBe(3)
      expect(Date.now()).toBeGreaterThanOrEqual(sent + 148)
    })

    it('debounce: a put with its own id waits too, also where another process has said the mode', async () => {
      const said = dedupe({ mode: 'debounce', delay: '1h' })
      await said.put('x', { id: 'own' })
      const unsaid = dedupe({ delay: '1h' })
      await unsaid.put('y', { id: 'other', at: new Date() })
      expect(await said.counts()).toMatchObject({ delayed: 2, waiting: 0 })
    })

    it('coalesce: the job ends when the last of those who share it has cancelled', async () => {
      const [a, b] = [dedupe({ mode: 'coalesce' }), dedupe({ mode: 'coalesce' })]
      const jobs = [await a.put('x'), await b.put('x'), await b.put('x')]
      const codes = jobs.map(({ result }) => codeOf(result))
      expect(await jobs[0]?.cancel('enough')).toBe(true)
      expect(await codes[0]).toBe('JOB_CANCELLED')
      expect(jobs[0]?.state).toBe('cancelled')
      expect(await jobs[0]?.cancel()).toBe(false)
      expect(await jobs[1]?.cancel()).toBe(true)
      expect(await a.counts()).toMatchObject({ waiting: 1 })
      expect(await jobs[2]?.cancel()).toBe(true)
      expect(await a.counts()).toMatchObject({ waiting: 0 })
      expect(await Promise.all(codes)).toEqual(Array(3).fill('JOB_CANCELLED'))
      // Whoever puts next has a new job, of which nobody has left.
      const again = await a.put('x')
      expect(await again.cancel()).toBe(true)
      expect(await a.counts()).toMatchObject({ waiting: 0 })
    })

    it('coalesce: who stays gets the result, though the others have cancelled', async () => {
      const [a, b] = [dedupe({ mode: 'coalesce' }), dedupe({ mode: 'coalesce' })]
      const controller = new AbortController()
      const first = await a.put('x', { signal: controller.signal })
      const second = await b.put('x', { signal: controller.signal })
      const third = await b.put('x')
      const codes = [codeOf(first.result), codeOf(second.result)]
      const [claim] = await a.claim()
      controller.abort(Object.assign(new Error('enough'), { code: 'ENOUGH' }))
      expect(await Promise.all(codes)).toEqual(['ENOUGH', 'ENOUGH'])
      expect(claim?.signal.aborted).toBe(false)
      await claim?.complete('done')
      expect(await third.result).toBe('done')
    })

    it('coalesce: cancel by id ends the job for all who share it', async () => {
      const [a, b] = [dedupe({ mode: 'coalesce' }), dedupe({ mode: 'coalesce' })]
      const jobs = [await a.put('x'), await b.put('x')]
      const codes = Promise.all(jobs.map(({ result }) => codeOf(result)))
      expect(await b.cancel(jobs[0]?.id ?? '')).toBe(true)
      expect(await codes).toEqual(['JOB_CANCELLED', 'JOB_CANCELLED'])
    })

    it('latest: whose item is the newest can call the job off, the others only themselves', async () => {
      const options = { mode: 'latest' as const, keyFn: () => 'k' }
      const [a, b] = [dedupe(options), dedupe(options)]
      const first = await a.put(1)
      const second = await b.put(2)
      const results = [codeOf(first.result), codeOf(second.result)]
      expect(await first.cancel()).toBe(true)
      expect(await a.counts()).toMatchObject({ waiting: 1 })
      expect(await second.cancel()).toBe(true)
      expect(await a.counts()).toMatchObject({ waiting: 0 })
      expect(await Promise.all(results)).toEqual(['JOB_CANCELLED', 'JOB_CANCELLED'])
    })

    it.each(['ttl', 'pending'] as const)('%s: a duplicate is not its to cancel', async (mode) => {
      const queue = dedupe({ mode })
      await queue.put('x')
      const second = await queue.put('x')
      expect(await second.cancel()).toBe(false)
      expect(await queue.counts()).toMatchObject({ waiting: 1 })
    })

    it('the key of a put wins over what the item says', async () => {
      const queue = dedupe({ mode: 'pending' })
      expect((await queue.put('x', { key: 'same' })).state).toBe('waiting')
      expect((await queue.put('y', { key: 'same' })).state).toBe('duplicate')
      expect((await queue.put('x')).state).toBe('waiting')
    })

    it('a mode and a ttl that are left out are what the others have said', async () => {
      const first = dedupe({ mode: 'pending' })
      await first.put('x')
      expect(await first.get()).toBe('x')
      const second = dedupe()
      expect((await second.put('x')).state).toBe('waiting')
      expect(await second.get()).toBe('x')
      // With `ttl`, the default, it would be known still.
      expect((await second.put('x')).state).toBe('waiting')
    })
  })

  describe('overflow', () => {
    it('wait: until there is room, no longer than the timeout', async () => {
      const [a, b] = [fifo({ maxSize: 1 }), fifo()]
      await a.put(1)
      const second = a.put(2)
      expect(await b.get()).toBe(1)
      expect((await second).state).toBe('waiting')
      expect(await codeOf(a.put(3, { timeout: '30ms' }))).toBe('WAIT_TIMEOUT')
      const controller = new AbortController()
      const waits = a.put(4, { signal: controller.signal }).catch((e: unknown) => e)
      controller.abort(new Error('enough'))
      expect(await waits).toMatchObject({ message: 'enough' })
      const closed = codeOf(a.put(5))
      await a.stop()
      expect(await closed).toBe('CLOSED')
    })

    it('reject: QUEUE_FULL', async () => {
      const queue = fifo({ maxSize: 1, overflow: 'reject' })
      await queue.put(1)
      expect(await codeOf(queue.put(2))).toBe('QUEUE_FULL')
      expect(await queue.size()).toBe(1)
    })

    it('drop-newest: the job is dropped', async () => {
      const queue = fifo({ maxSize: 1, overflow: 'drop-newest' })
      await queue.put(1)
      const job = await queue.put(2)
      expect(job.state).toBe('dropped')
      expect(await codeOf(job.result)).toBe('JOB_DROPPED')
      expect(await queue.get()).toBe(1)
    })

    it('drop-oldest: the longest waiting one makes room', async () => {
      const [a, b] = [fifo({ maxSize: 2, overflow: 'drop-oldest' }), fifo()]
      const oldest = await a.put(1)
      const gone = codeOf(oldest.result)
      await a.put(2)
      await a.put(3)
      expect(await gone).toBe('JOB_GONE')
      expect([await b.get(), await b.get()]).toEqual([2, 3])
    })
  })

  describe('limits', () => {
    it('a token bucket over the same storage is decided inside the take, for the whole fleet', async () => {
      const shared = storage()
      const limiter = (over: RedisStorage) =>
        LimiterFactory.tokenBucket({ rate: 1, per: '1h', burst: 3, storage: over, scope: named() })
      const [a, b] = [
        fifo({ storage: shared, limiter: limiter(shared) }),
        (() => {
          const own = storage()
          return fifo({ storage: own, limiter: limiter(own) })
        })(),
      ]
      await a.putMany([1, 2, 3, 4, 5])
      expect(await a.claim({ max: 2 })).toHaveLength(2)
      expect(await b.claim({ max: 5 })).toHaveLength(1)
      expect(await b.claim({ max: 5, timeout: 0 })).toEqual([])
      expect(await b.counts()).toMatchObject({ waiting: 2, running: 3 })
      // Its state is the limiter's own.
      expect((await limiter(storage()).peek()).remaining).toBe(0)
    })

    it('by key: a key that has to wait lets the others pass', async () => {
      const own = storage()
      const quota = { rate: 1, per: '1h', burst: 1 } as const
      const limiter = LimiterFactory.tokenBucket({ ...quota, storage: own, scope: named() })
      const queue = fifo({ storage: own, limiter, limiterKey: (item: string) => item.slice(0, 1) })
      await queue.putMany(['a1', 'a2', 'b1'])
      expect((await queue.claim({ max: 5 })).map(({ item }) => item)).toEqual(['a1', 'b1'])
      expect(await queue.claim({ max: 5, timeout: 0 })).toEqual([])
    })

    it('concurrency over all processes, given back when a claim ends', async () => {
      const make = (over: RedisStorage) =>
        fifo({
          storage: over,
          limiter: LimiterFactory.concurrency({ limit: 2, storage: over, scope: named() }),
        })
      const [a, b] = [make(storage()), make(storage())]
      await a.putMany([1, 2, 3, 4])
      const held = await a.claim({ max: 5 })
      expect(held).toHaveLength(2)
      expect(await b.claim({ max: 5, timeout: 0 })).toEqual([])
      await held[0]?.complete()
      const more = await b.claim({ max: 5, timeout: LONG })
      expect(more.map(({ item }) => item)).toEqual([3])
    })

    it('a limiter of this process is asked before a claim', async () => {
      const producer = fifo()
      let done = 0
      const worker = await started(
        fifo({
          workers: 5,
          limiter: LimiterFactory.tokenBucket({ rate: 1, per: '1h', burst: 2 }),
          handler: () => done++,
        }),
      )
      await producer.putMany([1, 2, 3, 4])
      await until('two', () => done === 2)
      await until('their ends', async () => (await producer.counts()).completed === 2)
      expect(await producer.counts()).toMatchObject({ waiting: 2, running: 0 })
      expect(done).toBe(2)
      await worker.stop()
    })

    it('a limiter of this process is refused by name with a limiterKey', () => {
      const limiter = LimiterFactory.tokenBucket({ rate: 1, name: 'mine' })
      expect(() => fifo({ limiter, limiterKey: String })).toThrow(/limiter 'mine'.*limiterKey/)
      const own = storage()
      const window = LimiterFactory.slidingWindow({ rate: 1, storage: own, name: 'window' })
      expect(() => fifo({ storage: own, limiter: window, limiterKey: String })).toThrow(/'window'/)
    })
  })

  describe('what processes agree on', () => {
    // biome-ignore lint/suspicious/noExplicitAny: a table of options.
    const conflicts: [string, any, any, string, string][] = [
      ['maxDeliveries', { maxDeliveries: 3 }, { maxDeliveries: 4 }, '3', '4'],
      ['groupConcurrency', { groupConcurrency: 5 }, { groupConcurrency: 6 }, '5', '6'],
      ['keep.dead', { keep: { dead: '2s' } }, { keep: { dead: '1s' } }, '2000', '1000'],
    ]
    it('a conflict that start does not hand to anybody is an error event, once', async () => {
      await fifo({ maxDeliveries: 3 }).put('x')
      const b = fifo({ maxDeliveries: 4, handler: () => {} })
      const told: unknown[] = []
      b.on('error', ({ error }) => told.push((error as Error).message))
      void b.start()
      await expect(b.put('y')).rejects.toThrow(/maxDeliveries/)
      await expect(b.put('y')).rejects.toThrow(/maxDeliveries/)
      expect(told).toEqual([expect.stringContaining('maxDeliveries')])
    })

    it.each(conflicts)(
      '%s: a conflict names both values, on start and every verb',
      async (option, ours, theirs, first, second) => {
        const a = fifo(ours)
        await a.put('x')
        const b = fifo({ ...theirs, handler: () => {} })
        const told: unknown[] = []
        b.on('error', ({ error }) => told.push(error))
        const message = new RegExp(`${option.replace('.', '\\.')}.*${first}.*${second}`)
        await expect(b.start()).rejects.toThrow(message)
        const verbs: (() => Promise<unknown>)[] = [
          () => b.put('y'),
          () => b.putMany(['y']),
          () => b.submit('y'),
          () => b.get({ timeout: 1 }),
          () => b.claim({ timeout: 1 }),
          () => b.size(),
          () => b.counts(),
          () => b.job('x'),
          () => b.jobs({ state: 'waiting' }),
          () => b.groups(),
          () => b.deadByError(),
          () => b.cancel('x'),
          () => b.remove('x'),
          () => b.redrive(),
          () => b.clear(),
          () => b.pause({ everywhere: true }),
          () => b.onIdle({ timeout: 1 }),
        ]
        for (const verb of verbs) await expect(verb(), String(verb)).rejects.toThrow(message)
        expect(await a.counts()).toMatchObject({ waiting: 1 })
        expect(told).toEqual([])
      },
    )

    it('the kind of the queue, too', async () => {
      await priority().put('x')
      await expect(fifo().put('y')).rejects.toThrow(
        /^kind of queue '.*' must be .* others have priority, got fifo; .* another name$/,
      )
    })

    it("a codec's name, too", async () => {
      await fifo().put('x')
      const codec = { name: 'other', encode: JSON.stringify, decode: JSON.parse as never }
      await expect(fifo({ codec }).put('y')).rejects.toThrow(/codec.*json.*other/)
    })

    it('redeclare changes it while all run', async () => {
      const [a, b] = [fifo({ maxDeliveries: 3 }), fifo({ maxDeliveries: 3 })]
      await Promise.all([a.put('x'), b.put('y')])
      await a.redeclare({ maxDeliveries: 7 })
      await b.put('z')
      await fifo({ maxDeliveries: 7 }).put('w')
      await expect(fifo({ maxDeliveries: 3 }).put('v')).rejects.toThrow(/7.*3/)
      await expect(a.redeclare({ maxDeliveries: 0 })).rejects.toThrow(/maxDeliveries/)
      await expect(a.redeclare({ nonsense: 1 } as never)).rejects.toThrow(/nonsense/)
      const wrong: Record<string, unknown> = {
        groupConcurrency: '3',
        limiter: LimiterFactory.tokenBucket({ rate: 1 }),
        keep: 5,
        mode: 'twice',
        ttl: null,
      }
      for (const [option, value] of Object.entries(wrong)) {
        const refused = a.redeclare({ [option]: value })
        await expect(refused).rejects.toMatchObject({ code: 'INVALID_OPTION', option })
      }
      await fifo({ maxDeliveries: 7 }).put('u')
    })

    it('a declaration ends with the process that made it', async () => {
      const a = fifo({ maxDeliveries: 3 })
      await a.put('x')
      await a.stop()
      await fifo({ maxDeliveries: 4 }).put('y')
    })
  })

  describe('items taken by hand', () => {
    queuePullExam((options) => fifo(options))

    it('the limiter is asked', async () => {
      const own = storage()
      const quota = { rate: 1, per: '1h' } as const
      const limiter = LimiterFactory.tokenBucket({ ...quota, storage: own, scope: named() })
      const queue = fifo({ storage: own, limiter })
      await queue.putMany(['a', 'b'])
      expect(await queue.get()).toBe('a')
      await expect(queue.get({ timeout: '100ms' })).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' })
      expect((await queue.counts()).waiting).toBe(1)
    })
  })

  describe('own ids of jobs that have ended', () => {
    queueOwnIdExam((options) => {
      name = ''
      return fifo(options)
    })
  })

  describe('puts that wait for room', () => {
    queueRoomExam((options) => {
      name = ''
      return options.mode === undefined ? fifo(options) : dedupe(options)
    })
  })

  describe('delays and dates', () => {
    // Scripts go by this clock too.
    const clock = new ManualClock(Date.now() / 1000)
    queueDueExam(
      (options) => {
        name = ''
        const storage = new RedisStorage({ client: open.client, prefix: 'due', clock })
        storages.push(storage)
        return delayed({ ...options, storage, clock })
      },
      (seconds) => new Date(clock.wall() + seconds * 1000),
      () => clock.advanceAsync('1s'),
    )
  })

  describe('lists of jobs', () => {
    queueListExam((options) => {
      name = ''
      return fifo(options)
    })
  })

  describe('dead jobs that wait again', () => {
    queueRedriveExam((options) => {
      name = ''
      return fifo(options)
    })
  })

  describe('what is told of a job, in which order', () => {
    queueNewsExam((options) => {
      name = ''
      return fifo(options)
    })
  })

  describe('a queue that stops or has stopped', () => {
    queueStoppedExam((options) => {
      name = ''
      return fifo(options)
    })
  })

  describe('what is refused, with the option and the value', () => {
    queueInputExam((kind) => {
      name = ''
      return kind === 'fifo' ? fifo() : dedupe()
    })

    it('a missing name, when the queue is made', () => {
      for (const make of [
        QueueFactory.priority,
        QueueFactory.fifo,
        QueueFactory.delay,
        QueueFactory.dedupe,
      ]) {
        expect(() => (make as typeof QueueFactory.fifo)({ storage: storage() })).toThrow(/name/)
      }
    })

    it.each([
      [{ maxDeliveries: 0 }, /maxDeliveries.*0/],
      [{ maxDeliveries: 1.5 }, /maxDeliveries.*1\.5/],
      [{ groupConcurrency: 0 }, /groupConcurrency.*0/],
      [{ lease: 0 }, /lease.*0/],
      [{ lease: 'soon' }, /lease.*soon/],
      [{ resultTtl: -1 }, /resultTtl.*-1/],
      [{ maxItemBytes: 0 }, /maxItemBytes.*0/],
      [{ maxItemBytes: '1k' }, /maxItemBytes.*1k/],
      [{ keep: { dead: { age: '1d', nonsense: 1 } } }, /nonsense/],
      [{ codec: { name: 'x' } }, /codec/],
      [{ codec: { encode: String, decode: String } }, /codec/],
      [{ name: 7 }, /name.*7/],
      [{ name: '' }, /name/],
    ])('%j', (options, message) => {
      // biome-ignore lint/suspicious/noExplicitAny: nonsense on purpose.
      expect(() => fifo(options as any)).toThrow(message)
    })

    it('functions in the retry of a put', async () => {
      const queue = fifo()
      const put = queue.put('x', { retry: { attempts: 2, retryIf: () => true } })
      await expect(put).rejects.toThrow(/retry\.retryIf.*function/)
      expect(await queue.size()).toBe(0)
    })

    it.each([
      ['a BigInt', 1n],
      ['undefined', undefined],
      ['a function', () => 1],
      ['a circle', circle()],
    ])('an item that is no JSON: %s', async (_, item) => {
      const queue = fifo()
      await expect(queue.put(item)).rejects.toThrow(/item/)
      await expect(queue.putMany(['fine', item])).rejects.toThrow(/item/)
      expect(await queue.size()).toBe(0)
    })

    it('an item that is too large, with its size', async () => {
      const queue = fifo({ maxItemBytes: 100 })
      await expect(queue.put('x'.repeat(200))).rejects.toThrow(/100 bytes.*maxItemBytes.*202/)
      expect(await queue.size()).toBe(0)
    })
  })

  describe('claims that are lost', () => {
    it('the signal has aborted before another process has the job, and the late one is counted', async () => {
      // This one cannot renew: its event loop goes on, and its connection does not.
      const cut = await clients[library](inject('redisUrl'))
      const lonely = new RedisStorage({ client: cut.client, prefix: 'durable', timeout: '50ms' })
      let abortedAt = 0
      let reason: unknown
      const worker = keep(
        QueueFactory.fifo({
          name: named(),
          storage: lonely,
          lease: '300ms',
          handler: (_: unknown, { signal }) =>
            new Promise<void>((resolve) =>
              signal.addEventListener('abort', () => {
                abortedAt = performance.now()
                reason = signal.reason
                resolve()
              }),
            ),
        }) as unknown as Shared,
      )
      await worker.start()
      const other = fifo({ lease: '300ms' })
      await other.put('x')
      await until('it runs', () => worker.running === 1)
      cut.end()
      const [claim] = await other.claim({ timeout: LONG })
      const takenAt = performance.now()
      expect(claim?.delivery).toBe(2)
      expect(abortedAt).toBeGreaterThan(0)
      expect(abortedAt).toBeLessThan(takenAt)
      expect(reason).toMatchObject({ code: 'LEASE_LOST' })
      await claim?.complete()
      await worker.stop({ deadline: 0 })
      await lonely.close()
    })
  })
})

function circle(): object {
  const made: { self?: object } = {}
  made.self = made
  return made
}
