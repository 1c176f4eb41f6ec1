import { QueueFactory } from 'aioflux'
import { type IoredisLike, type NodeRedisLike, RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Claim } from '../../../src/queues/store/job-store.ts'
import { clients, libraries, type OpenClient } from '../../support/clients.ts'
import { until } from '../../support/until.ts'
import { draft, ENDLESS, openStore } from './queue-support.ts'

// A server or proxy that answers something else than the script says is an outage: the caller is told STORAGE_DOWN, and never a
// TypeError; no loop goes on for ever; nothing is lost. Here a queue has been declared, and then replies come back mangled.

const down = { code: 'STORAGE_DOWN' }
let count = 0

describe.each(libraries)('a reply of an unexpected shape to a queue, %s', (library) => {
  // What takes seconds is the same for both.
  const slow = library === 'ioredis'
  let open: OpenClient
  /** Mangles replies of scripts while it is set. */
  let mangle: ((reply: unknown) => unknown) | undefined
  beforeAll(async () => {
    open = await clients[library](inject('redisUrl'))
  })
  afterAll(() => open.end())

  function client(): NodeRedisLike | IoredisLike {
    const through = (reply: unknown) => (mangle === undefined ? reply : mangle(reply))
    if (library === 'node-redis') {
      const given = open.client as NodeRedisLike
      return {
        evalSha: (sha, options) => given.evalSha(sha, options).then(through),
        eval: (text: string, options: { keys: string[]; arguments: string[] }) =>
          given.eval(text, options).then(through),
      }
    }
    const given = open.client as IoredisLike
    return {
      evalsha: (sha, keys, ...args) => given.evalsha(sha, keys, ...args).then(through),
      eval: (text: string, keys: number, ...args: string[]) =>
        given.eval(text, keys, ...args).then(through),
    }
  }

  const storage = () => new RedisStorage({ client: client(), prefix: `shapes-${process.pid}` })
  const named = () => ({ name: `${library}-${count++}`, storage: storage() })

  async function mangled<T>(by: (reply: unknown) => unknown, work: () => Promise<T>): Promise<T> {
    mangle = by
    try {
      return await work()
    } finally {
      mangle = undefined
    }
  }

  /** None of these is what any of the scripts answers. */
  const shapes: readonly unknown[] = [
    undefined,
    {},
    'OK',
    'x y',
    -7,
    1.5,
    Number.NaN,
    [null],
    [{}],
    [1],
    [[1]],
    ['x', 'y', 'z'],
    [['x'], 'y'],
    [[], 1, 2],
    [1, 2, 3, 4, 5, 6, 7],
    [1, -1, [], [], [], ['x', 'y'], []],
    [1, -1, [], [], [0, '{'], [], []],
    [1, -1, [], [], [], ['x\u00041\u00041', 'no head'], []],
    ['1', '0 noeviction', 'odd'],
  ]

  it('every verb tells an outage, and the queue goes on after it', async () => {
    const queue = QueueFactory.priority<string>({ ...named(), keep: { completed: 10 } })
    await queue.put('first', { id: 'a' })
    expect(await queue.size()).toBe(1)
    for (const shape of shapes) {
      const id = `b${count++}`
      await mangled(
        () => shape,
        async () => {
          const verbs: Readonly<Record<string, () => Promise<unknown>>> = {
            put: () => queue.put('job', { id }),
            putMany: () => queue.putMany(['job', 'job'], (_, i) => ({ id: `${id}-${i}` })),
            submit: () => queue.submit('job', { id: `${id}-s`, timeout: '1h' }),
            counts: () => queue.counts(),
            size: async () => queue.size(),
            job: () => queue.job('a'),
            jobs: () => queue.jobs({ state: 'waiting' }),
            running: () => queue.jobs({ state: 'running', limit: 1000 }),
            groups: () => queue.groups(),
            deadByError: () => queue.deadByError(),
            cancel: () => queue.cancel('nobody'),
            remove: () => queue.remove('nobody'),
            redrive: () => queue.redrive({ ids: ['nobody'] }),
            redriveAll: () => queue.redrive(),
            clear: async () => queue.clear(),
            pause: async () => queue.resume({ everywhere: true }),
            idle: () => queue.onIdle(),
          }
          for (const [name, verb] of Object.entries(verbs)) {
            // One job is none of the two that were put.
            const answer = await verb().then(
              (value) => value,
              ({ code }) => code,
            )
            expect([name, answer]).toEqual([name, 'STORAGE_DOWN'])
          }
          expect(await queue.claim({ timeout: '20ms' })).toEqual([])
        },
      )
    }
    await queue.clear()
    await queue.put('again', { id: 'c' })
    // What was put while the replies were mangled was kept; here it has been cleared.
    expect(await queue.get({ timeout: '20s' })).toBe('again')
    await queue.stop()
  })

  it('a first declaration too', async () => {
    for (const shape of shapes) {
      await mangled(
        () => shape,
        async () => {
          const queue = QueueFactory.fifo<string>(named())
          await expect(queue.put('job')).rejects.toMatchObject(down)
          await queue.stop()
        },
      )
    }
  })

  it.runIf(slow)(
    'claims, ends and renewals: nothing is lost, and nothing is settled that was not',
    async () => {
      for (const shape of shapes.filter((_, i) => i % 4 === 0 || i > 13)) {
        const { store, close } = openStore(client(), { name: `${library}-${count++}` })
        const ids = ['kept', 'ended', 'failed', 'taken']
        await store.insert(
          ids.map((id) => draft(id, { id })),
          ENDLESS,
        )
        const [kept, ended, failed] = (await store.claim(3, 60_000)) as [Claim, Claim, Claim]
        let answers: Promise<unknown[]> | undefined
        let claimed: Claim[] = []
        await mangled(
          () => shape,
          async () => {
            claimed = await store.claim(1, 200)
            answers = Promise.all([
              store.extend([kept], 60_000),
              store.settle([{ claim: ended, ending: { outcome: 'completed', value: 1 } }]),
              store.settle([
                {
                  claim: failed,
                  ending: { outcome: 'failed', error: { name: 'E', message: 'm' } },
                },
              ]),
            ])
            await expect(store.progress(kept, 1)).rejects.toMatchObject(down)
          },
        )
        expect(claimed).toEqual([])
        // Ends and renewals go on until they arrive.
        expect(await answers).toEqual([[true], [true], [true]])
        await until('the claim whose answer was mangled is back', async () => {
          claimed = await store.claim(1, 60_000)
          return claimed.length > 0
        })
        expect(claimed.map(({ record }) => [record.id, record.item])).toEqual([['taken', 'taken']])
        expect(await store.counts()).toMatchObject({ running: 2, completed: 1, failed: 1, dead: 1 })
        await close()
      }
    },
  )

  it.runIf(slow)('a worker works on, and a job does not die of it', async () => {
    const done: string[] = []
    const queue = QueueFactory.fifo<string>({
      ...named(),
      lease: '1s',
      handler: (item) => {
        done.push(item)
      },
    })
    const dead: unknown[] = []
    queue.on('failed', (event) => dead.push(event))
    await queue.start()
    let left = 0
    await mangled(
      // Every second one.
      (reply) => (++left % 2 === 0 ? shapes[(left / 2) % shapes.length] : reply),
      async () => {
        await Promise.allSettled(['a', 'b', 'c'].map((item) => queue.put(item, { id: item })))
        await until('all done', () => new Set(done).size === 3)
      },
    )
    expect(dead).toEqual([])
    await queue.stop()
  })

  it.runIf(slow)('a result is asked for again', async () => {
    const queue = QueueFactory.fifo<string, string>({
      ...named(),
      lease: '1s',
      handler: (item) => item,
    })
    const jobs = await queue.putMany(['a', 'b', 'c'])
    const results = Promise.all(jobs.map(({ result }) => result))
    let left = 6
    await mangled(
      (reply) => (left-- > 0 ? shapes[left % shapes.length] : reply),
      async () => {
        await queue.start()
        await results
      },
    )
    expect(await results).toEqual(['a', 'b', 'c'])
    await queue.stop()
  })

  it.runIf(slow)('a hint that cannot be read is as good as none', async () => {
    const { name } = named()
    const prefix = `shapes-${process.pid}`
    const queue = QueueFactory.fifo<string, string>({
      name,
      storage: new RedisStorage({ client: open.client, prefix }),
      handler: (item) => item,
    })
    const jobs = await queue.putMany(['a', 'b'], (_, i) => ({ id: `job${i}` }))
    const results = Promise.all(jobs.map(({ result }) => result))
    const channel = `${prefix}:{queue:${name}}:meta:*`
    const publish = open.client as unknown as {
      publish(channel: string, message: string): Promise<unknown>
    }
    for (const hint of ['', 'r', 'rjob0', 'rjob0\n1\nx', 'rjob1\n1\nc{', 'c', 'c\n{', 'p', 'zz']) {
      await publish.publish(channel, hint)
    }
    await queue.start()
    expect(await results).toEqual(['a', 'b'])
    await queue.stop()
  })

  it.runIf(slow)('broadcasts', async () => {
    const cast = QueueFactory.broadcast<string>(named())
    await cast.put('nobody hears')
    const verbs: Readonly<Record<string, () => Promise<unknown>>> = {
      put: () => cast.put('x'),
      groups: () => cast.groups(),
      removeGroup: () => cast.removeGroup('g'),
    }
    // An empty list of groups is one.
    for (const shape of shapes) {
      for (const verb of Object.values(verbs)) {
        await mangled(
          () => shape,
          () => expect(verb()).rejects.toMatchObject(down),
        )
      }
    }
    // A reader of this process that cannot join holds up no put.
    await mangled(
      () => ['x'],
      async () => {
        const one = cast.subscribe()
        await expect(cast.put('x')).rejects.toMatchObject(down)
        one.unsubscribe()
      },
    )
    let left = 5
    const heard = await mangled(
      (reply) => (left-- > 0 ? shapes[left % shapes.length] : reply),
      async () => {
        const [one, member] = [cast.subscribe(), cast.subscribe({ group: 'g' })]
        await Promise.all([one.ready, member.ready])
        left = 3
        await until(
          'put',
          async () => (await cast.put('hello').catch(() => undefined)) !== undefined,
        )
        return Promise.all([one.get({ timeout: '20s' }), member.get({ timeout: '20s' })])
      },
    )
    expect(heard).toEqual(['hello', 'hello'])
    await cast.stop()
  })
})
