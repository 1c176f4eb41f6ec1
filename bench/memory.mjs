// A million keys: what they cost to hold and to ask. Each contender in a process of its own, so that none inherits
// another's heap.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median, megabytes } from './harness.mjs'

const KEYS = 1_000_000
const self = fileURLToPath(import.meta.url)

const contenders = {
  aioflux: async () => {
    const { LimiterFactory, MemoryStorage } = await import('../dist/index.js')
    const storage = new MemoryStorage({ maxKeys: KEYS })
    const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1h', storage })
    return {
      ask: (key) => limiter.acquire(key),
      report: async () => ({ held: storage.size, evicted: (await limiter.getStats()).evicted }),
    }
  },
  'rate-limiter-flexible': async () => {
    const { RateLimiterMemory } = await import('rate-limiter-flexible')
    const limiter = new RateLimiterMemory({ points: 100, duration: 3600 })
    return { ask: (key) => limiter.consume(key), report: () => ({}) }
  },
  'lru-cache of numbers': async () => {
    const { LRUCache } = await import('lru-cache')
    const cache = new LRUCache({ max: KEYS })
    return {
      ask: async (key) => cache.set(key, (cache.get(key) ?? 0) + 1.5),
      report: () => ({}),
    }
  },
  'a Map of numbers': async () => {
    const map = new Map()
    return { ask: async (key) => map.set(key, (map.get(key) ?? 0) + 1.5), report: () => ({}) }
  },
}

async function measure(name) {
  const { ask, report } = await contenders[name]()
  await ask('user-0')
  const used = () => {
    for (let i = 0; i < 4; i++) globalThis.gc()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = used()
  const first = process.hrtime.bigint()
  for (let i = 0; i < KEYS; i++) await ask(`user-${i}`)
  const second = process.hrtime.bigint()
  const bytes = used() - before
  const third = process.hrtime.bigint()
  for (let i = 0; i < KEYS; i++) await ask(`user-${i}`)
  const fourth = process.hrtime.bigint()
  const facts = await report()
  console.log(
    JSON.stringify({
      bytes,
      fill: Number(second - first) / KEYS,
      again: Number(fourth - third) / KEYS,
      ...facts,
    }),
  )
  process.exit()
}

export function memory() {
  const rows = Object.keys(contenders).map((name) => {
    const runs = Array.from({ length: 3 }, () => {
      const { stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', self, name], {
        encoding: 'utf8',
      })
      if (stdout === '') throw new Error(stderr)
      return JSON.parse(stdout)
    })
    const of = (field) => median(runs.map((run) => run[field]))
    return { name, ...runs[0], bytes: of('bytes'), fill: of('fill'), again: of('again') }
  })
  console.log('\n1,000,000 distinct keys held')
  for (const { name, bytes, fill, again, held, evicted } of rows) {
    const ratio =
      name === 'aioflux'
        ? `${held} held, ${evicted} evicted`
        : `${(bytes / rows[0].bytes).toFixed(1)} x the memory, aioflux is ${(fill / rows[0].fill).toFixed(2)} x as fast filling, ${(again / rows[0].again).toFixed(2)} x asking again`
    console.log(
      `  ${name.padEnd(22)} ${megabytes(bytes).padStart(9)}  ${fill.toFixed(0).padStart(5)} ns a new key  ${again.toFixed(0).padStart(5)} ns a known one   ${ratio}`,
    )
  }
}

if (process.argv[1] === self) await measure(process.argv[2])
