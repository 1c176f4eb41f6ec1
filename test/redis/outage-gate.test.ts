import { Coordinator, type Limiter, LimiterFactory, QueueFactory } from 'aioflux'
import { HybridStorage, type IoredisLike, type NodeRedisLike, RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { clients, libraries, type OpenClient } from '../support/clients.ts'
import { proxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

// A storage that hangs costs one `storageTimeout`, whatever a limiter is made of and whatever it is asked. The storage's own timeout is
// much longer than any test may take, so a path to the storage that goes by that one fails.

let between: TcpProxy
beforeAll(async () => {
  between = await proxy(Number(new URL(inject('redisUrl')).port))
})
afterAll(() => between.close())

type Policy = 'allow' | 'deny' | 'local' | 'throw'
type Part = 'bucket' | 'window' | 'permits'
const compositions: readonly (readonly Part[])[] = [
  ['bucket'],
  ['permits'],
  ['bucket', 'window'],
  ['bucket', 'permits'],
  ['permits', 'permits', 'bucket'],
  ['window', 'bucket', 'window', 'bucket'],
]
let count = 0

function compose(
  storage: RedisStorage | HybridStorage,
  parts: readonly Part[],
  onStorageError: Policy,
): { limiter: Limiter; failures: number[] } {
  const failures: number[] = []
  const limiters = parts.map((part, i) => {
    const common = {
      storage,
      scope: `${count++}`,
      onStorageError,
      storageTimeout: '100ms',
    } as const
    const limiter = {
      bucket: () => LimiterFactory.tokenBucket({ rate: 1000, per: '1m', ...common }),
      window: () => LimiterFactory.slidingWindow({ rate: 1000, per: '1m', ...common }),
      permits: () => LimiterFactory.concurrency({ limit: 1000, ttl: '1m', ...common }),
    }[part]()
    failures.push(0)
    limiter.on('storageError', () => {
      failures[i] = (failures[i] as number) + 1
    })
    return limiter
  })
  const [first, ...others] = limiters as [Limiter, ...Limiter[]]
  return {
    limiter: others.length === 0 ? first : LimiterFactory.composite(first, ...others),
    failures,
  }
}

describe.each(libraries)('the outage gate, %s', (library) => {
  let open: OpenClient
  let storages: (RedisStorage | HybridStorage)[]
  beforeAll(async () => {
    open = await clients[library](between.url)
    const redis = new RedisStorage({
      client: open.client,
      prefix: `gate-${process.pid}-${library}`,
      timeout: '1h',
    })
    storages = [redis, new HybridStorage({ redis, strict: true })]
  })
  afterAll(() => open.end())

  it.each(compositions.map((parts) => [parts.join(' + '), parts] as const))(
    'a hang costs one timeout: %s',
    async (_, parts) => {
      const policies: readonly Policy[] = ['allow', 'deny', 'local', 'throw']
      const made = storages.flatMap((storage) =>
        policies.map((policy) => ({ policy, ...compose(storage, parts, policy) })),
      )
      for (const { limiter } of made) expect(await limiter.acquire('k')).toBe(true)
      between.blackhole(true)
      try {
        await Promise.all(
          made.map(async ({ policy, limiter, failures }) => {
            const ask = () => limiter.consume('k').catch((error: unknown) => error)
            const right = { allow: true, local: true, deny: false }
            const expected =
              policy === 'throw'
                ? { code: 'STORAGE_DOWN' }
                : { allowed: right[policy], degraded: true }
            expect(await ask()).toMatchObject(expected)
            // Every member that was asked, or would have been next, knows of it by now.
            if (policy !== 'throw') expect(failures).toEqual(parts.map(() => 1))
            for (let i = 0; i < 300; i++) expect(await ask()).toMatchObject(expected)
            for (const times of failures) expect(times).toBeLessThanOrEqual(5)
          }),
        )
      } finally {
        between.blackhole(false)
        between.cut()
      }
      for (const { limiter } of made) {
        await until('healed', async () => !(await limiter.consume('k')).degraded)
      }
      await Promise.all(made.map(({ limiter }) => limiter.close()))
    },
  )

  it.each(compositions.map((parts) => [parts.join(' + '), parts] as const))(
    'a hang met by what no policy decides costs one timeout: %s',
    async (_, parts) => {
      const verbs: Readonly<Record<string, (limiter: Limiter) => Promise<void>>> = {
        release: (limiter) => limiter.release('k'),
        reset: (limiter) => limiter.reset('k'),
        block: (limiter) => limiter.block('k', '1s'),
      }
      const made = storages.flatMap((storage) =>
        (['deny', 'local'] as const).flatMap((policy) =>
          Object.entries(verbs).map(([name, verb]) => {
            const resolves = policy === 'local' && name === 'release'
            return { resolves, verb, ...compose(storage, parts, policy) }
          }),
        ),
      )
      for (const { limiter } of made) expect(await limiter.acquire('k')).toBe(true)
      between.blackhole(true)
      try {
        await Promise.all(
          made.map(async ({ resolves, verb, limiter, failures }) => {
            const told = () =>
              verb(limiter).then(
                () => 'done',
                ({ code }) => code,
              )
            expect(await told()).toBe(resolves ? 'done' : 'STORAGE_DOWN')
            await until('all know', () => failures.every((times) => times > 0))
            for (let i = 0; i < 300; i++) {
              // Permits that are on their way back already need no second release.
              const answer = await told()
              if (!parts.includes('permits'))
                expect(answer).toBe(resolves ? 'done' : 'STORAGE_DOWN')
            }
            for (const times of failures) expect(times).toBeLessThanOrEqual(5)
          }),
        )
      } finally {
        between.blackhole(false)
        between.cut()
      }
      for (const { limiter } of made) {
        await until('healed', async () => !(await limiter.peek('k')).degraded)
      }
      await Promise.all(made.map(({ limiter }) => limiter.close()))
    },
  )

  it('every verb goes by it', async () => {
    for (const parts of compositions) {
      const { limiter, failures } = compose(storages[0] as RedisStorage, parts, 'deny')
      expect(await limiter.acquire('k')).toBe(true)
      between.blackhole(true)
      try {
        const verbs: Readonly<Record<string, () => Promise<unknown>>> = {
          peek: () => limiter.peek('k'),
          consume: () => limiter.consume('k'),
          acquire: () => limiter.acquire('k'),
          wait: () => limiter.wait('k', { timeout: '10ms' }),
          aborted: () => limiter.wait('k', { signal: AbortSignal.timeout(10) }),
          getStats: () => limiter.getStats('k'),
          release: () => limiter.release('k'),
          reset: () => limiter.reset('k'),
          block: () => limiter.block('k', '1s'),
        }
        for (let round = 0; round < 20; round++) {
          for (const verb of Object.values(verbs)) await verb().catch(() => {})
        }
        for (const verb of ['reset', 'block'] as const) {
          await expect(verbs[verb]?.()).rejects.toMatchObject({ code: 'STORAGE_DOWN' })
        }
        for (const times of failures) expect(times).toBeLessThanOrEqual(8)
      } finally {
        between.blackhole(false)
        between.cut()
      }
      await until('healed', async () => !(await limiter.consume('k')).degraded)
      await limiter.close()
    }
  })
})

describe.each(libraries)('a reply of an unexpected shape, %s', (library) => {
  let open: OpenClient
  beforeAll(async () => {
    open = await clients[library](inject('redisUrl'))
  })
  afterAll(() => open.end())

  /** The server does what it is told, and something on the way back puts another reply in place of its own. */
  const mangled = (reply: () => unknown) => mangledBy(reply)
  function mangledBy(reply: (right: unknown) => unknown): NodeRedisLike | IoredisLike {
    if (library === 'node-redis') {
      const client = open.client as NodeRedisLike
      return {
        evalSha: (sha, options) => client.evalSha(sha, options).then(reply),
        eval: (text: string, options: { keys: string[]; arguments: string[] }) =>
          client.eval(text, options).then(reply),
      }
    }
    const client = open.client as IoredisLike
    return {
      evalsha: (sha, keys, ...args) => client.evalsha(sha, keys, ...args).then(reply),
      eval: (text: string, keys: number, ...args: string[]) =>
        client.eval(text, keys, ...args).then(reply),
    }
  }

  const shapes = [
    null,
    undefined,
    'OK',
    '123',
    7,
    {},
    [],
    [null],
    ['x', 'y', 'z'],
    [Number.NaN],
    [[]],
  ]

  it('is an outage for whoever asked, and for nobody else', async () => {
    let shape: unknown
    const client = mangled(() => shape)
    const storage = new RedisStorage({ client, prefix: `shape-${process.pid}-${library}` })
    for (shape of shapes) {
      for (const parts of compositions) {
        const { limiter } = compose(storage, parts, 'deny')
        const asked = Array.from({ length: 3 }, (_, i) => limiter.consume(`k${i % 2}`))
        for (const decision of await Promise.all(asked)) {
          expect(decision).toMatchObject({ allowed: false, degraded: true })
        }
      }
      const { limiter } = compose(storage, ['bucket'], 'throw')
      await expect(limiter.acquire('k')).rejects.toMatchObject({ code: 'STORAGE_DOWN' })
      await expect(limiter.wait('k')).rejects.toMatchObject({ code: 'STORAGE_DOWN' })
    }
  })

  it.each<[string, (list: unknown[]) => unknown[]]>([
    ['its beginning', (list) => list.slice(0, -1)],
    ['nothing of it', () => []],
    ['it and more', (list) => [...list, 1]],
  ])('is an outage also where it is %s', async (_, change) => {
    const down = { status: 'rejected', reason: { code: 'STORAGE_DOWN' } }
    const client = mangledBy((reply) => (Array.isArray(reply) ? change(reply) : reply))
    // One for each: after an outage, calls are refused for a while unasked.
    const fresh = () => new RedisStorage({ client, prefix: `cut-${process.pid}-${library}` })
    const locks = () => new Coordinator({ storage: fresh() })
    const limiter = (...parts: Part[]) => compose(fresh(), parts, 'throw').limiter
    const together = locks()
    // The first is sent alone, and its answer is no list.
    const alone = together.tryLock('alone')
    const settled = await Promise.allSettled([
      locks().tryLock(['a', 'b']),
      together.tryLock('c'),
      together.tryLock('d'),
      limiter('bucket').consume('k'),
      limiter('bucket').peek('k'),
      limiter('permits').consume('k'),
      limiter('bucket', 'permits').consume('k'),
    ])
    for (const [n, each] of settled.entries()) expect(each, `${n}`).toMatchObject(down)
    await (await alone)?.release()
  })

  it.each([[[]], [[1]], [null], [''], ['x'], [0], [{}]])(
    'is an outage for a lock that is asked for alone: %j',
    async (shape) => {
      const client = mangledBy(() => shape)
      const storage = new RedisStorage({ client, prefix: `alone-${process.pid}-${library}` })
      await expect(new Coordinator({ storage }).tryLock('a')).rejects.toMatchObject({
        code: 'STORAGE_DOWN',
      })
    },
  )

  it('is an outage for queues', async () => {
    const down = { code: 'STORAGE_DOWN' }
    for (const shape of shapes.filter((one) => !Array.isArray(one) || one.length < 2)) {
      const storage = new RedisStorage({ client: mangled(() => shape), prefix: 'shape-queue' })
      const queue = QueueFactory.fifo({ name: `${process.pid}-${library}`, storage })
      await expect(queue.put('job')).rejects.toMatchObject(down)
      // A wait outlives an outage.
      const got = queue.get({ timeout: '10ms' })
      await expect(got).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' })
      await expect(queue.counts()).rejects.toMatchObject(down)
      await expect(queue.jobs({ state: 'waiting' })).rejects.toMatchObject(down)
      await queue.stop()
    }
  })

  it('is an outage for values', async () => {
    let shape: unknown
    const client = mangled(() => shape)
    const redis = new RedisStorage({ client, prefix: `shape-${process.pid}-${library}` })
    const hybrid = new HybridStorage({ redis })
    const down = { code: 'STORAGE_DOWN' }
    for (shape of ['{', [], {}, 'x y']) {
      await expect(redis.get('v')).rejects.toMatchObject(down)
      await expect(redis.set('v', 1)).rejects.toMatchObject(down)
      await expect(redis.incr('v')).rejects.toMatchObject(down)
      await expect(hybrid.get(`v ${String(shape)}`)).rejects.toMatchObject(down)
    }
    for (shape of ['x', null, {}]) {
      await expect(redis.delete('v')).rejects.toMatchObject(down)
      await expect(redis.exists('v')).rejects.toMatchObject(down)
    }
    shape = ['{', -1]
    await expect(hybrid.get('w')).rejects.toMatchObject(down)
  })
})
