import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { entries, root } from '../../scripts/package/entries.ts'

/** Entries that must run where there is no Node; any other may that imports none of it. */
const MUST = ['aioflux', 'aioflux/http', 'aioflux/metrics', 'aioflux/otel', 'aioflux/testing']
const walked = entries().map((entry) => ({ ...entry, node: nodeImports(entry.source) }))
const edge = walked.filter(({ name, node }) => MUST.includes(name) || node.length === 0)

describe('at the edge', () => {
  it.each(MUST)('%s imports nothing of Node, directly or by what it imports', (name) => {
    expect(walked.find((entry) => entry.name === name)?.node).toEqual([])
  })

  it('the walk finds what there is', () => {
    expect(nodeImports('src/redis/index.ts')).toContain('src/redis/scripts/script.ts: node:crypto')
  })

  it.each(edge)('$name loads where only the globals of the web are', async ({ source }) => {
    const names = await inTheWeb(source, 'Object.keys(aioflux)')
    expect(names).not.toEqual([])
  })

  it('and works there', async () => {
    expect(
      await inTheWeb(
        'src/index.ts',
        `(async () => {
      const { LimiterFactory, QueueFactory, CircuitBreaker, WorkerPool, Scheduler, backoff, BatchCollector, MemoryStorage, rateLimit } = aioflux
      const limiter = LimiterFactory.tokenBucket({ rate: 2, burst: 1 })
      const said = [limiter.allow('a'), limiter.allow('a'), (await limiter.wait('a', { timeout: '5s' })).allowed]
      said.push(await LimiterFactory.composite(limiter, LimiterFactory.slidingWindow({ rate: 5 })).acquire('b'))
      const queue = QueueFactory.priority({ workers: 3, maxSize: Infinity, handler: async (n) => n * 2 }).start()
      const results = await Promise.all(Array.from({ length: 2000 }, (_, n) => queue.submit(n, { priority: n % 3 })))
      said.push(results.length, results[1999])
      await queue.stop()
      said.push(await new CircuitBreaker({}).call(() => 'called'))
      const pool = new WorkerPool({}).start()
      said.push(await pool.submit((n) => n + 1, 1))
      await pool.stop()
      let attempts = 0
      said.push(await backoff(() => { if (++attempts < 2) throw new Error('once'); return attempts }, { baseDelay: '1ms' }))
      const batches = new BatchCollector({ batchSize: 2, callback: (items) => items })
      said.push((await Promise.all([batches.add(1), batches.add(2)])).length)
      const storage = new MemoryStorage({ maxKeys: 10 })
      said.push(await storage.incr('n'))
      const scheduler = new Scheduler()
      const fired = new Promise((resolve) => scheduler.every('10ms', () => resolve('fired')))
      await scheduler.start()
      said.push(await fired)
      await scheduler.stop()
      return said.join()
    })()`,
      ),
    ).toBe('true,false,true,true,2000,3998,called,2,2,2,1,fired')
  })

  it('metrics are shown there by fetch; a server of its own is refused by name', async () => {
    expect(
      await inTheWeb(
        'src/metrics/index.ts',
        `(async () => {
      const { Metrics, PrometheusExporter } = aioflux
      const metrics = new Metrics()
      metrics.incr('jobs')
      const exporter = new PrometheusExporter({ metrics })
      const text = await exporter.fetch(new Request('https://edge.example/metrics')).text()
      const refused = await exporter.start().catch((error) => error)
      return [text.includes('jobs_total 1'), refused.code, refused.message].join()
    })()`,
      ),
    ).toBe(
      'true,INVALID_OPTION,port needs node:http for a server of its own, and this runtime has none: use fetch or handler',
    )
  })
})

/** Runs an expression that may use an entry as `aioflux`, with no global but those that all web runtimes share. */
async function inTheWeb(source: string, expression: string): Promise<unknown> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export * from './${source}'`,
      resolveDir: root,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'aioflux',
    target: 'es2022',
    platform: 'browser',
  })
  const context = createContext(
    Object.fromEntries(WEB_GLOBALS.map((name) => [name, globalThis[name]])),
  )
  const { setTimeout, setInterval, crypto } = context
  Object.assign(context, { setTimeout: refuse, setInterval: refuse, crypto: NO_CRYPTO })
  runInContext(outputFiles[0]!.text, context)
  Object.assign(context, { setTimeout, setInterval, crypto })
  return runInContext(expression, context)
}

/** Some runtimes have neither timers nor randomness for a module that is being loaded, only for what it is asked later. */
function refuse(): never {
  throw new Error('not while a module is being loaded')
}
const NO_CRYPTO = { getRandomValues: refuse, randomUUID: refuse }

const WEB_GLOBALS = [
  'AbortController',
  'AbortSignal',
  'DOMException',
  'Event',
  'EventTarget',
  'MessageChannel',
  'ReadableStream',
  'Request',
  'Response',
  'TextDecoder',
  'TextEncoder',
  'URL',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'performance',
  'queueMicrotask',
  'setInterval',
  'setTimeout',
  'structuredClone',
] as const

/** `file: module` for every import of a part of Node that is reached from a source. */
function nodeImports(source: string, seen = new Set<string>()): string[] {
  if (seen.has(source)) return []
  seen.add(source)
  const text = readFileSync(root + source, 'utf8')
  const runtime = text.replace(/^(import|export) type [^;]*?from '[^']+'/gm, '')
  return [...runtime.matchAll(/(?:from|import|import\(|require\()\s*'([^']+)'/g)].flatMap(
    (match) => {
      const to = match[1] as string
      if (to.startsWith('.')) return nodeImports(join(dirname(source), to), seen)
      return to.startsWith('node:') || builtinModules.includes(to) ? [`${source}: ${to}`] : []
    },
  )
}
