import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { Comparison } from '../../src/cli/judging/comparison.ts'
import { clf, command, log } from './support.ts'

const folder = mkdtempSync(join(tmpdir(), 'aioflux-compare-'))
afterAll(() => rmSync(folder, { recursive: true }))

const lines = log(
  // Six at once, and one a second.
  ...Array.from({ length: 6 }, () => clf(0, '10.0.0.1')),
  ...Array.from({ length: 30 }, (_, i) => clf(i + 1, '10.0.0.2')),
)

async function judged(...args: string[]) {
  const { code, stdout, stderr } = await command(['replay', '-', '--json', ...args], {
    stdin: lines,
  })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

describe('--compare', () => {
  const args = ['--limit', '5/1s', '--compare', '10/1m']
  it('tells the requests and the keys that only one side denies', async () => {
    const report = await judged(...args)
    expect(report).toMatchObject({ requests: 36, denied: 1 })
    const { compare } = report
    expect(compare).toMatchObject({
      algorithm: 'token-bucket',
      limits: [{ limit: '10/1m', rate: 10, per: 60, burst: 10 }],
      looser: 1,
      keysHit: { both: 0, onlyLimit: 1, onlyCompare: 1 },
      partial: false,
    })
    const alone = await judged('--limit', '10/1m')
    expect(compare.denied).toBe(alone.denied)
    expect(compare.denied).toBeGreaterThan(5)
    expect(compare.stricter).toBe(alone.denied)
    expect(compare.agree).toBe(36 - 1 - alone.denied)
    expect(compare.allowed + compare.denied).toBe(36)
    expect(compare.keys).toEqual([
      { key: '10.0.0.2', requests: 30, denied: 0, compareDenied: alone.denied },
      { key: '10.0.0.1', requests: 6, denied: 1, compareDenied: 0 },
    ])
    expect((await judged('--limit', '5/1s')).compare).toBeNull()
  })

  it('takes an algorithm and a burst of its own', async () => {
    const { compare } = await judged(...args, '--compare-algorithm', 'fixed-window')
    const alone = await judged('--limit', '10/1m', '--algorithm', 'fixed-window')
    expect(compare).toMatchObject({ algorithm: 'fixed-window', denied: alone.denied })
    const burst = await judged(...args, '--compare-burst', '40')
    expect(burst.compare).toMatchObject({ denied: 0, limits: [{ burst: 40 }] })
  })

  it('is shown to people too', async () => {
    const { stdout } = await command(['replay', '-', ...args], { stdin: lines })
    expect(stdout).toContain('compared with token-bucket 10/1m burst 10')
    expect(stdout).toMatch(/only by --limit +1 +2\.8 %/)
    expect(stdout).toMatch(/keys hit by both 0, only by --limit 1, only by --compare 1/)
  })
})

it('a comparison adds up, in bounded memory', () => {
  const step = fc.tuple(fc.nat(30), fc.boolean(), fc.boolean())
  fc.assert(
    fc.property(fc.array(step), fc.integer({ min: 4, max: 40 }), (steps, most) => {
      const comparison = new Comparison(most)
      for (const [n, a, b] of steps) {
        const verdict = { key: `k${n}`, time: 0, cost: 1, deniedBy: 0 }
        comparison.add({ ...verdict, allowed: a }, { ...verdict, allowed: b })
      }
      expect(comparison.stricter).toBe(steps.filter(([, a, b]) => a && !b).length)
      expect(comparison.looser).toBe(steps.filter(([, a, b]) => !a && b).length)
      expect(comparison.agree + comparison.stricter + comparison.looser).toBe(steps.length)
      expect(comparison.denied).toBe(steps.filter(([, , b]) => !b).length)
      const { both, first, second } = comparison.hit()
      expect(both + first + second).toBeLessThanOrEqual(most)
      if (!comparison.partial) {
        const keys = new Set(steps.filter(([, a, b]) => !a || !b).map(([n]) => n))
        expect(both + first + second).toBe(keys.size)
      }
    }),
  )
})

describe('--html', () => {
  const page = async (stdin: string, ...args: string[]) => {
    const path = join(folder, 'report.html')
    const all = ['replay', '-', '--limit', '1/1h', '--html', path, ...args]
    const { code, stdout } = await command(all, { stdin })
    return { code, stdout, text: readFileSync(path, 'utf8') }
  }

  it('writes one page with the same figures, and prints the report as well', async () => {
    const { code, stdout, text } = await page(lines, '--compare', '2/1h')
    expect(code).toBe(0)
    expect(stdout).toContain('allowed')
    expect(text).toContain('36 requests')
    expect(text).toContain('<td>10.0.0.2</td><td>30</td><td>1</td><td>29</td>')
    expect(text).toContain('<svg')
    expect(text.match(/fill="#d64545"/g)!.length).toBeGreaterThan(10)
  })

  it('loads nothing and runs nothing', async () => {
    const { text } = await page(lines)
    expect(text).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
    expect(text).not.toMatch(/<script|<link|<img|<iframe|@import|url\(| on\w+=/i)
    const addresses = text.match(/https?:\/\/[^"\s]+/g) ?? []
    expect(new Set(addresses)).toEqual(new Set(['http://www.w3.org/2000/svg']))
  })

  it('shows what strangers wrote as text, and nothing of it as markup', async () => {
    const nasty = `/<script>alert(1)</script>"'&\u202e</style><img src=x onerror=alert(1)>`
    const stdin = log(
      JSON.stringify({ ts: 1e9, tenant: nasty }),
      JSON.stringify({ ts: 1e9 + 1, tenant: nasty }),
    )
    const { text } = await page(stdin, '--key', 'tenant', '--compare', '2/1h')
    expect(text).toContain('/&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;·&lt;/style&gt;')
    const tags = new Set(Array.from(text.matchAll(/<\/?([a-z!][\w-]*)/gi), (match) => match[1]!))
    for (const tag of ['script', 'img', 'a', 'iframe']) expect(tags).not.toContain(tag)
    expect(text.match(/<\/style>/g)!.length).toBe(1)
    expect(text).not.toContain('\u202e')
  })

  it('shows the names of fields and files as text too', async () => {
    const field = '<b>x</b>'
    const { text } = await page(log(clf(0), clf(1)), '--key', field)
    expect(text).not.toContain('<b>')
    expect(text).toContain('&lt;b&gt;x&lt;/b&gt;')
  })

  it('says so where it cannot be written', async () => {
    const path = join(folder, 'missing', 'report.html')
    const { code, stderr } = await command(['replay', '-', '--limit', '1/s', '--html', path], {
      stdin: lines,
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^aioflux: cannot write .*ENOENT/)
  })
})
