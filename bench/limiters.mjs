// One process, limits in memory: what a decision costs beside the peers.
import { RateLimiter } from 'limiter'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { LimiterFactory } from '../dist/index.js'
import { compare } from './harness.mjs'

// High enough that every call is allowed, on any machine.
const rate = 1e8
const points = 1e9

/** The least one can write by hand: a bucket in two fields. */
class HandWritten {
  #tokens = rate
  #at = performance.now()
  allow() {
    const now = performance.now()
    this.#tokens = Math.min(rate, this.#tokens + ((now - this.#at) * rate) / 1000)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
  async acquire() {
    return this.allow()
  }
}

const keys = Array.from({ length: 1000 }, (_, i) => `user-${i}`)
const make = {
  aioflux: () => LimiterFactory.tokenBucket({ rate }),
  flexible: () => new RateLimiterMemory({ points, duration: 1 }),
}
let _sink = 0

const acquireOne = {
  name: 'aioflux acquire',
  setup: make.aioflux,
  run: async (n, limiter) => {
    for (let i = 0; i < n; i++) if (await limiter.acquire('key')) _sink++
  },
}
const flexibleOne = {
  name: 'rate-limiter-flexible consume',
  setup: make.flexible,
  run: async (n, limiter) => {
    for (let i = 0; i < n; i++) if ((await limiter.consume('key')).remainingPoints > 0) _sink++
  },
}

export async function limiters() {
  const results = []
  results.push(
    await compare(
      'One hot key, awaited',
      [
        acquireOne,
        flexibleOne,
        {
          name: 'hand-written bucket',
          setup: () => new HandWritten(),
          run: async (n, bucket) => {
            for (let i = 0; i < n; i++) if (await bucket.acquire()) _sink++
          },
        },
        {
          name: 'limiter removeTokens',
          setup: () => new RateLimiter({ tokensPerInterval: rate, interval: 'second' }),
          run: async (n, limiter) => {
            for (let i = 0; i < n; i++) if ((await limiter.removeTokens(1)) >= 0) _sink++
          },
        },
        {
          name: 'await true (the floor)',
          run: async (n) => {
            for (let i = 0; i < n; i++) if (await true) _sink++
          },
        },
      ],
      { n: 400_000 },
    ),
  )
  results.push(
    await compare(
      'One hot key, at once',
      [
        {
          name: 'aioflux allow',
          setup: make.aioflux,
          run: (n, limiter) => {
            for (let i = 0; i < n; i++) if (limiter.allow('key')) _sink++
          },
        },
        {
          name: 'hand-written bucket',
          setup: () => new HandWritten(),
          run: (n, bucket) => {
            for (let i = 0; i < n; i++) if (bucket.allow()) _sink++
          },
        },
        {
          name: 'limiter tryRemoveTokens',
          setup: () => new RateLimiter({ tokensPerInterval: rate, interval: 'second' }),
          run: (n, limiter) => {
            for (let i = 0; i < n; i++) if (limiter.tryRemoveTokens(1)) _sink++
          },
        },
      ],
      { n: 1_000_000 },
    ),
  )
  results.push(
    await compare(
      '1,000 keys in turn, awaited',
      [
        {
          name: 'aioflux acquire',
          setup: make.aioflux,
          run: async (n, limiter) => {
            for (let i = 0; i < n; i++) if (await limiter.acquire(keys[i % 1000])) _sink++
          },
        },
        {
          name: 'rate-limiter-flexible consume',
          setup: make.flexible,
          run: async (n, limiter) => {
            for (let i = 0; i < n; i++)
              if ((await limiter.consume(keys[i % 1000])).remainingPoints > 0) _sink++
          },
        },
      ],
      { n: 400_000 },
    ),
  )
  results.push(
    await compare(
      'Denied calls, awaited',
      [
        {
          name: 'aioflux acquire, denied',
          setup: () => LimiterFactory.tokenBucket({ rate: 1, per: '1d' }),
          run: async (n, limiter) => {
            for (let i = 0; i < n; i++) if (!(await limiter.acquire('key'))) _sink++
          },
        },
        { ...acquireOne, name: 'aioflux acquire, allowed' },
        {
          name: 'rate-limiter-flexible, denied',
          n: 100_000,
          setup: () => new RateLimiterMemory({ points: 1, duration: 86_400 }),
          run: async (n, limiter) => {
            for (let i = 0; i < n; i++) {
              try {
                await limiter.consume('key')
              } catch {
                _sink++
              }
            }
          },
        },
      ],
      { n: 400_000 },
    ),
  )
  const quota = { rate: 2 * rate, per: '1s' }
  const consume = async (n, limiter, call) => {
    for (let i = 0; i < n; i++) if ((await limiter.consume(keys[i % 1000], call)).allowed) _sink++
  }
  results.push(
    await compare(
      'What a call may bring, 1,000 keys in turn, awaited (the ratio is how much slower it is than a plain call)',
      [
        { name: 'consume', setup: make.aioflux, run: (n, limiter) => consume(n, limiter) },
        {
          name: 'consume with a quota of its own',
          setup: make.aioflux,
          run: async (n, limiter) => {
            for (let i = 0; i < n; i++) {
              if ((await limiter.consume(keys[i % 1000], { quota })).allowed) _sink++
            }
          },
        },
        {
          name: 'consume with a class',
          setup: () => LimiterFactory.tokenBucket({ rate, classes: { batch: 0.5 } }),
          run: (n, limiter) => consume(n, limiter, { class: 'batch' }),
        },
      ],
      { n: 300_000 },
    ),
  )
  results.push(
    await compare(
      'Budgets, 1,000 keys in turn, awaited',
      [
        {
          name: 'two consumes',
          setup: make.aioflux,
          run: async (n, limiter) => {
            for (let i = 0; i < n; i++) {
              await limiter.consume(keys[i % 1000], 5)
              if ((await limiter.consume(keys[i % 1000], 4)).allowed) _sink++
            }
          },
        },
        {
          name: 'reserve and settle',
          setup: make.aioflux,
          run: async (n, limiter) => {
            for (let i = 0; i < n; i++) {
              const reservation = await limiter.reserve(keys[i % 1000], 5)
              if (reservation === undefined) continue
              await reservation.settle(4)
              _sink++
            }
          },
        },
      ],
      { n: 200_000 },
    ),
  )
  const sliding = (slidingRate) => ({
    name: `sliding window of ${slidingRate.toLocaleString('en')}`,
    setup: () => LimiterFactory.slidingWindow({ rate: slidingRate, per: slidingRate / 1e6 }),
    run: (n, limiter) => {
      for (let i = 0; i < n; i++) if (limiter.allow('key')) _sink++
    },
  })
  const bucket = (name = 'token bucket') => ({
    name,
    setup: make.aioflux,
    run: (n, limiter) => {
      for (let i = 0; i < n; i++) if (limiter.allow('key')) _sink++
    },
  })
  results.push(
    await compare(
      'Rules, at once (sliding window of a million a second: half of the calls denied, the window always full)',
      [bucket(), sliding(10), sliding(1000), sliding(100_000)],
      { n: 500_000 },
    ),
  )
  results.push(
    await compare(
      'Composite, awaited',
      [
        acquireOne,
        {
          name: 'composite of two',
          setup: () =>
            LimiterFactory.composite(
              make.aioflux(),
              LimiterFactory.tokenBucket({ rate, per: '1s', burst: 2 * rate }),
            ),
          run: async (n, limiter) => {
            for (let i = 0; i < n; i++) if (await limiter.acquire('key')) _sink++
          },
        },
      ],
      { n: 400_000 },
    ),
  )
  latency()
  return results
}

/** How long single decisions take, over many keys that come and go. */
function latency() {
  const limiter = LimiterFactory.tokenBucket({ rate: 5, per: '1m' })
  const micros = new Float64Array(1_000_000)
  for (let i = 0; i < micros.length; i++) {
    const key = `user-${(i * 7919) % 150_000}`
    const started = performance.now()
    limiter.allow(key)
    micros[i] = (performance.now() - started) * 1000
  }
  micros.sort()
  const at = (share) => micros[Math.floor(micros.length * share)].toFixed(2)
  console.log('\nOne decision, over 150,000 keys in a storage for 100,000')
  console.log(
    `  p50 ${at(0.5)}  p99 ${at(0.99)}  p99.9 ${at(0.999)}  most ${at(0.999999)} microseconds`,
  )
}
