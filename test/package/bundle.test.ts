import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { entries, root } from '../../scripts/package/entries.ts'
import budgets from './bundle-budgets.json' with { type: 'json' }

const all = new Map([
  ...entries().map(({ name, source }): [string, string] => [name, `export * from './${source}'`]),
  ...Object.keys(budgets)
    .filter((name) => name.startsWith('{'))
    .map((name): [string, string] => [name, `export ${name} from './src/index.ts'`]),
])

/** What a part costs in a browser: kilobytes, minified and gzipped, without the packages that aioflux imports. */
describe('bundles', () => {
  // Other engines compress otherwise, and the budgets are in the bytes of Node.
  it.skipIf('Bun' in globalThis || 'Deno' in globalThis).each([...all.keys()])(
    '%s stays within its budget',
    async (name) => {
      const size = gzipSync(await bundle(all.get(name)!), { level: 9 }).length / 1000
      const budget = (budgets as Record<string, number>)[name] ?? budgets['any other entry']
      expect(size).toBeLessThan(budget)
      // So that the table says how it is, and what is won stays won.
      if (name in budgets)
        expect(size, 'now smaller: lower the budget').toBeGreaterThan(budget * 0.8)
    },
  )

  // The first is the whole of it, without the verbs of a limiter: open(rule, scope).reserve(key, cost, 0).
  it.each(['{ MemoryStorage, tokenBucket }', '{ createLimiter, tokenBucket }'])(
    '%s has no code of queues, of Redis, or of limiters that ask from afar',
    async (name) => {
      const text = await bundle(all.get(name)!)
      expect(text).toContain('token-bucket')
      expect(text).not.toMatch(/redis|queue|evalsha|cron|degraded|storage_down/i)
    },
  )

  it('{ createLimiter, tokenBucket } has no code of storages: what it remembers is one record a key', async () => {
    const text = await bundle(all.get('{ createLimiter, tokenBucket }')!)
    expect(text).toContain('aioflux_limiter')
    // It knows the names of all options, and reads none of those of a storage.
    expect(text).not.toMatch(/getRandomValues|Float64Array|maxKeys|STORAGE_DOWN/)
  })

  it.each([
    ['README.md', /`createLimiter`\s+with `tokenBucket` is ([\d.]+) kB/],
    ['README.ru.md', /`createLimiter`\s+с `tokenBucket` занимает ([\d,]+) kB/],
  ])('{ createLimiter, tokenBucket } is as large as %s says', async (page, said) => {
    const text = await bundle(all.get('{ createLimiter, tokenBucket }')!)
    const size = gzipSync(text, { level: 9 }).length / 1000
    const [, claim = ''] = said.exec(readFileSync(`${root}${page}`, 'utf8')) ?? []
    expect(Math.abs(Number(claim.replace(',', '.')) - size)).toBeLessThan(0.25)
  })

  it('{ QueueFactory } has no code of limiters: whoever wants one hands it in', async () => {
    const text = await bundle(all.get('{ QueueFactory }')!)
    expect(text).toContain('aioflux_queue')
    expect(text).not.toMatch(/aioflux_limiter|token-bucket|degraded/)
  })
})

async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    packages: 'external',
    platform: 'neutral',
    external: ['node:*'],
  })
  return outputFiles[0]!.text
}
