import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { kneeOf, ratesUpTo } from '../../../src/cli/advise/curve.ts'
import { allowance, parseShare } from '../../../src/cli/advise/share.ts'
import { clf, command, log } from '../support.ts'

vi.setConfig({ testTimeout: 60_000 })

const folder = mkdtempSync(join(tmpdir(), 'aioflux-advise-'))
afterAll(() => rmSync(folder, { recursive: true }))

const LOG = fileURLToPath(new URL('../../../../shared/data/access-2015.log.gz', import.meta.url))
const present = existsSync(LOG)
if (!present) console.warn(`skipped: advice from a real log, there is no ${LOG}`)

async function advised(stdin: string, ...args: string[]) {
  const { code, stdout, stderr } = await command(['advise', '-', '--json', ...args], { stdin })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

/** Six requests at once by one client, three by another, one each by two more. */
const CROWD = log(
  ...Array.from({ length: 6 }, () => clf(0, '10.0.0.1')),
  ...[1, 2, 3].map((second) => clf(second, '10.0.0.2')),
  clf(4, '10.0.0.3'),
  clf(5, '10.0.0.4'),
)

describe('aioflux advise', () => {
  it('names the smallest limit, what it does, and the line to paste', async () => {
    const advice = await advised(CROWD, '--deny', '20%', '--per', '1h')
    expect(advice).toMatchObject({
      schema: 'aioflux/advise@1',
      requests: 11,
      keysSeen: 4,
      per: 3600,
      deny: 0.2,
      by: 'requests',
      exact: true,
      sampled: null,
    })
    expect(advice.limits).toMatchObject([
      {
        algorithm: 'sliding-window',
        rate: 4,
        denied: 2,
        deniedKeys: 1,
        code: "const limiter = LimiterFactory.slidingWindow({ rate: 4, per: '1h' })",
      },
      {
        algorithm: 'token-bucket',
        rate: 4,
        burst: 4,
        denied: 2,
        deniedKeys: 1,
        code: "const limiter = LimiterFactory.tokenBucket({ rate: 4, per: '1h' })",
      },
    ])
    expect(advice.hit).toEqual([
      {
        key: '10.0.0.1',
        requests: 6,
        peak: 6,
        burstiness: 1,
        denied: 2,
        deniedBy: { 'sliding-window': 2, 'token-bucket': 2 },
      },
    ])
    const curve = advice.curve.filter((p: { algorithm: string }) => p.algorithm === 'token-bucket')
    expect(curve.map((p: { rate: number; denied: number }) => [p.rate, p.denied])).toEqual([
      [1, 7],
      [2, 5],
      [3, 3],
      [4, 2],
      [5, 1],
      [6, 0],
    ])
  })

  it('counts keys instead of requests', async () => {
    const advice = await advised(CROWD, '--deny', '25%', '--by', 'keys', '--per', '1h')
    expect(advice.limits.map(({ rate }: { rate: number }) => rate)).toEqual([3, 3])
    const none = await advised(CROWD, '--deny', '24%', '--by', 'keys', '--per', '1h')
    expect(none.limits.map(({ rate }: { rate: number }) => rate)).toEqual([6, 6])
  })

  it('counts costs', async () => {
    const lines = [5, 9, 2].map((tokens, i) =>
      JSON.stringify({ ts: 1e9 + i, team: 'a', usage: { tokens } }),
    )
    const args = ['--key', 'team', '--cost', 'usage.tokens', '--per', '1h', '--deny', '0']
    const advice = await advised(log(...lines), ...args)
    expect(advice).toMatchObject({ cost: 'usage.tokens', limits: [{ rate: 16 }, { rate: 16 }] })
    // 9 of 16 tokens are denied by any limit below 9, and 2 requests fit into 7.
    const third = await advised(log(...lines), ...args.slice(0, -1), '34%')
    expect(third.limits).toMatchObject([
      { rate: 7, denied: 1 },
      { rate: 7, denied: 1 },
    ])
  })

  it.each([
    ['sliding-window', 'slidingWindow'],
    ['token-bucket', 'tokenBucket'],
    ['leaky-bucket', 'leakyBucket'],
    ['fixed-window', 'fixedWindow'],
  ])('takes the algorithm %s', async (algorithm, factory) => {
    const { limits } = await advised(CROWD, '--algorithm', algorithm, '--per', 'h', '--deny', '20%')
    expect(limits).toMatchObject([{ algorithm, rate: 4 }])
    expect(limits[0].code).toContain(`LimiterFactory.${factory}({ rate: 4, per: '1h' })`)
  })

  it('says so of an empty log', async () => {
    const advice = await advised('')
    expect(advice).toMatchObject({ requests: 0, limits: [], curve: [], hit: [] })
    const { code, stdout } = await command(['advise', '-'], { stdin: '' })
    expect(code).toBe(0)
    expect(stdout).toContain('the log is empty')
  })

  it('draws the curve, marks the advice, and shows the keys and the code', async () => {
    const { stdout } = await command(['advise', '-', '--deny', '20%', '--per', '1h'], {
      stdin: CROWD,
    })
    expect(stdout).toContain('the smallest limits that deny at most 20 % of the requests, by ip')
    expect(stdout).toMatch(/4\/1h +18\.2 % +█+\S* <- advised/)
    expect(stdout).toMatch(/10\.0\.0\.1 +6 +6 +1\.0 +2 +2/)
    expect(stdout).toContain("LimiterFactory.tokenBucket({ rate: 4, per: '1h' })")
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })

  it('writes a page', async () => {
    const path = join(folder, 'advice.html')
    await command(['advise', '-', '--deny', '20%', '--html', path], { stdin: CROWD })
    const page = readFileSync(path, 'utf8')
    expect(page).toContain('<svg')
    expect(page).toContain('10.0.0.1')
    // A line for each algorithm, with a point for each of the curve.
    const paths = Array.from(page.matchAll(/<path d="(M[^"]*L[^"]*)"/g), (match) => match[1]!)
    expect(paths.map((path) => path.split('L').length)).toEqual([6, 6])
    expect(page).not.toMatch(/<script|<link|<img|src=|url\(/)
  })

  it.each([
    [[], '<access.log>|a log'],
    [['a.log', '--deny', 'few'], "--deny .* 'few'"],
    [['a.log', '--deny', '5'], "--deny .* '5'"],
    [['a.log', '--deny', '101%'], "--deny .* '101%'"],
    [['a.log', '--deny', ''], '--deny'],
    [['a.log', '--per', 'week'], "--per .* 'week'"],
    [['a.log', '--per', '0s'], "--per .* '0s'"],
    [['a.log', '--by', 'users'], "--by .* 'users'"],
    [['a.log', '--algorithm', 'magic'], "--algorithm .* 'magic'"],
    [['a.log', '--limit', '1/s'], '--limit'],
  ])('refuses wrong usage: %j', async (args, says) => {
    const { code, stdout, stderr } = await command(['advise', ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.split('\n')[0]).toMatch(new RegExp(`^aioflux: .*(${says})`))
    expect(stderr).toContain('usage: aioflux advise')
  })

  it('ends with 1 where there is no log', async () => {
    expect(await command(['advise', join(folder, 'missing.log')])).toMatchObject({ code: 1 })
    expect(await command(['advise', '-'], { stdin: 'no log\n' })).toMatchObject({ code: 1 })
  })
})

describe.skipIf(!present)('advice from a real log', () => {
  /** When each client asked, in whole seconds, read by nothing of the command. */
  function byClient(): number[][] {
    const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun']
    const text = gunzipSync(readFileSync(LOG)).toString('latin1')
    const clients = new Map<string, number[]>()
    for (const match of text.matchAll(/^(\S+) .*?\[(\d+)\/(\w+)\/(\d+):(\d+):(\d+):(\d+) /gm)) {
      const [, ip, d, month, y, h, m, s] = match as unknown as string[]
      const at = Date.UTC(+y!, months.indexOf(month!), +d!, +h!, +m!, +s!) / 1000
      clients.set(ip!, [...(clients.get(ip!) ?? []), at])
    }
    return [...clients.values()].map((times) => times.sort((a, b) => a - b))
  }

  const byHand = {
    'sliding-window': (times: number[], rate: number) => {
      const passed: number[] = []
      for (const time of times) {
        if (passed.length < rate || passed.at(-rate)! <= time - 60) passed.push(time)
      }
      return times.length - passed.length
    },
    // In units of 1/60 token, of which `rate` come every second.
    'token-bucket': (times: number[], rate: number) => {
      let units = rate * 60
      let before = times[0]!
      let denied = 0
      for (const time of times) {
        units = Math.min(rate * 60, units + (time - before) * rate)
        before = time
        if (units >= 60) units -= 60
        else denied += 1
      }
      return denied
    },
  } as const

  it.each([
    ['0.1%', 'requests', 10],
    ['1%', 'requests', 100],
    ['5%', 'requests', 500],
    ['0', 'requests', 0],
    ['1%', 'keys', 17],
    ['0.1%', 'keys', 1],
  ] as const)('agrees with an exhaustive search by hand: %s of the %s', async (deny, by, most) => {
    const { stdout } = await command(['advise', LOG, '--deny', deny, '--by', by, '--json'])
    const advice = JSON.parse(stdout)
    const clients = byClient()
    expect(advice).toMatchObject({ requests: 10_000, keysSeen: 1753, exact: true })
    for (const { algorithm, rate, denied, deniedKeys } of advice.limits) {
      const effect = (at: number) => {
        const counts = clients.map((times) => byHand[algorithm as keyof typeof byHand](times, at))
        return {
          requests: counts.reduce((sum, count) => sum + count, 0),
          keys: counts.filter((count) => count > 0).length,
        }
      }
      expect(effect(rate)).toEqual({ requests: denied, keys: deniedKeys })
      for (let lower = 1; lower < rate; lower++) {
        expect(effect(lower)[by], `${algorithm} ${lower}`).toBeGreaterThan(most)
      }
      expect(effect(rate)[by]).toBeLessThanOrEqual(most)
    }
    for (const { algorithm, rate, denied } of advice.curve) {
      const counts = clients.map((times) => byHand[algorithm as keyof typeof byHand](times, rate))
      expect(denied).toBe(counts.reduce((sum, count) => sum + count, 0))
    }
  })
})

describe('shares', () => {
  it.each([
    ['0.1%', 3000, 3],
    ['29%', 100, 29],
    ['7%', 100, 7],
    ['0.001', 3000, 3],
    ['100%', 7, 7],
    ['1', 7, 7],
    ['0', 7, 0],
    ['.5%', 200, 1],
    ['0.1%', 999, 0],
  ])('%s of %d is at most %d', (text, total, most) => {
    expect(allowance(parseShare('--deny', text), total)).toBe(most)
  })
})

describe('the curve', () => {
  it('has each rate of few, and some of many', () => {
    expect(ratesUpTo(4, 10)).toEqual([1, 2, 3, 4])
    const many = ratesUpTo(100_000, 10)
    expect(many.length).toBeLessThanOrEqual(10)
    expect(many[0]).toBe(1)
    expect(many.at(-1)).toBe(100_000)
  })

  it('has its knee where it bends, and none on a straight line', () => {
    const bent = [1, 2, 4, 8, 16].map((rate, i) => ({ rate, share: [1, 0.1, 0.05, 0.02, 0][i]! }))
    expect(kneeOf(bent)?.rate).toBe(2)
    const straight = [1, 2, 4, 8].map((rate, i) => ({ rate, share: 1 - i / 3 }))
    expect(kneeOf(straight)).toBeUndefined()
    expect(kneeOf([{ rate: 1, share: 0 }])).toBeUndefined()
  })
})

it('a curve of many points is drawn whole', async () => {
  const path = join(folder, 'many.html')
  const lines = Array.from({ length: 300 }, (_, i) => clf(Math.floor(i / 20)))
  const { stdout } = await command(['advise', '-', '--json', '--html', path], {
    stdin: log(...lines),
  })
  const { curve, limits } = JSON.parse(stdout)
  const first = limits[0].algorithm
  const points = curve.filter((point: { algorithm: string }) => point.algorithm === first).length
  expect(points).toBeGreaterThan(30)
  const [drawn = ''] = /<path d="M[^"]*L[^"]*"/.exec(readFileSync(path, 'utf8')) ?? []
  expect(drawn.split('L').length).toBe(points)
})
