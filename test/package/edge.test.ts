import { type Context, createContext, runInContext } from 'node:vm'
import { describe, expect, inject, it } from 'vitest'
import { bundle } from './bundle.ts'
import { entriesOf } from './entries.ts'

const { consumer } = inject('packed')

/** The entries that need Node, or something that has its modules, and what for. All others run on any runtime. */
const NEED_NODE: Readonly<Record<string, string>> = {
  'aioflux/redis':
    'node:crypto: the SHA-1 that EVALSHA knows a script by, and short names for long keys',
}
const edgeSafe = entriesOf(consumer).filter(({ name }) => !(name in NEED_NODE))

describe('entries for every runtime', () => {
  it.each(edgeSafe)(
    '$name imports no module of Node, nor does anything it imports',
    async ({ name }) => {
      const { needs } = await bundle(consumer, `export * from '${name}'`)
      expect(needs.filter(({ ofNode }) => ofNode)).toEqual([])
    },
  )

  it('the root needs no other package', async () => {
    expect((await bundle(consumer, "export * from 'aioflux'")).needs).toEqual([])
  })

  it.each(Object.keys(NEED_NODE))('%s is still one that needs Node', async (name) => {
    const { needs } = await bundle(consumer, `export * from '${name}'`)
    expect(needs.map(({ what }) => what)).toContain(NEED_NODE[name]?.split(': ')[0])
  })

  it('a limiter, a queue, a breaker and a scheduler work where there is nothing of Node', async () => {
    const { text } = await bundle(consumer, "export * from 'aioflux'", 'iife')
    const { realm, loaded } = edge()
    runInContext(text, realm)
    loaded()
    const told = await runInContext(`(${program})(bundled)`, realm)
    // Through JSON, because the objects are of another realm.
    expect(JSON.parse(told)).toEqual({
      node: ['undefined', 'undefined', 'undefined', 'undefined'],
      allowed: [true, true, false],
      waited: true,
      results: [1, 4, 9],
      broken: 'CIRCUIT_OPEN',
      fired: 1,
    })
  })
})

/**
 * A realm that has the language, and of the platform what browsers and edge runtimes all have. Until `loaded` is called, it
 * has neither timers nor randomness to give: some runtimes refuse them to a module that is being loaded.
 */
function edge(): { realm: Context; loaded: () => void } {
  let loading = true
  const later = <A extends unknown[], R>(allowed: (...args: A) => R) => {
    return (...args: A): R => {
      if (loading) throw new Error('not while a module is being loaded')
      return allowed(...args)
    }
  }
  const { clearTimeout, AbortController, AbortSignal, DOMException } = globalThis
  const { performance, queueMicrotask, MessageChannel, TextEncoder, TextDecoder } = globalThis
  const realm = createContext({
    // Timers are numbers there.
    setTimeout: later((run: () => void, delay: number) => Number(setTimeout(run, delay))),
    crypto: { getRandomValues: later((into: Int32Array) => crypto.getRandomValues(into)) },
    clearTimeout,
    AbortController,
    AbortSignal,
    DOMException,
    performance,
    queueMicrotask,
    MessageChannel,
    TextEncoder,
    TextDecoder,
  })
  return {
    realm,
    loaded: () => {
      loading = false
    },
  }
}

/** Runs in the realm, as text: nothing of this file is there. */
const program = String(async (flux: typeof import('aioflux')): Promise<string> => {
  const there = globalThis as Record<string, unknown>
  const node = ['process', 'Buffer', 'setImmediate', 'require'].map((name) => typeof there[name])

  const limiter = flux.createLimiter(flux.tokenBucket({ rate: 100, per: 1, burst: 2 }))
  const allowed = []
  for (let i = 0; i < 3; i++) allowed.push(await limiter.acquire('key'))
  const { allowed: waited } = await limiter.wait('key')

  const queue = flux.QueueFactory.fifo<number, number>({
    workers: 2,
    handler: async (n: number) => {
      if (n === 2) await limiter.wait('other')
      return n * n
    },
  }).start()
  const results = await Promise.all([1, 2, 3].map((n) => queue.submit(n)))
  await queue.stop()

  const breaker = new flux.CircuitBreaker({ failureThreshold: 1 })
  const fail = () => breaker.call(() => Promise.reject(new Error('down'))).catch((error) => error)
  await fail()
  const broken = (await fail()).code

  const scheduler = new flux.Scheduler().start()
  const fired = await new Promise<number>((resolve) => {
    scheduler.every('10ms', () => resolve(1))
  })
  await scheduler.stop()
  return JSON.stringify({ node, allowed, waited, results, broken, fired })
})
