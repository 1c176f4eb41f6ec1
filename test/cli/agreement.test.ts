// The command against a count that shares nothing with it: its own parser, order and arithmetic.
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { Judge } from '../../src/cli/judging/judge.ts'
import { type Algorithm, parseLimit } from '../../src/cli/judging/limit.ts'
import { child, command, verdicts } from './support.ts'

// A machine with other things to do takes its time to start a process.
vi.setConfig({ testTimeout: 60_000 })

const LOG = fileURLToPath(new URL('../../../shared/data/access-2015.log.gz', import.meta.url))
const present = existsSync(LOG)
if (!present) console.warn(`skipped: agreement with a count by hand, there is no ${LOG}`)

interface Request {
  ip: string
  second: number
}

interface Judged extends Request {
  allowed: boolean
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun']

function requests(): Request[] {
  const text = gunzipSync(readFileSync(LOG)).toString('latin1')
  const pattern = /^(\S+) .*?\[(\d+)\/(\w+)\/(\d+):(\d+):(\d+):(\d+) \+0000\]/gm
  const found = Array.from(text.matchAll(pattern), (match, line) => {
    const [ip, date, month, year, hour, minute, second] = match.slice(1) as string[]
    const at = Date.UTC(+year!, MONTHS.indexOf(month!), +date!, +hour!, +minute!, +second!)
    return { ip: ip!, second: at / 1000, line }
  })
  return found.sort((a, b) => a.second - b.second || a.line - b.line)
}

/** Tokens as whole numbers of 1/60: one comes every 6 seconds, so 10 units a second. */
function byTokens(all: Request[], burst: bigint): Judged[] {
  const buckets = new Map<string, { units: bigint; second: bigint }>()
  return all.map(({ ip, second }) => {
    const now = BigInt(second)
    const bucket = buckets.get(ip) ?? { units: burst * 60n, second: now }
    let units = bucket.units + (now - bucket.second) * 10n
    if (units > burst * 60n) units = burst * 60n
    const allowed = units >= 60n
    buckets.set(ip, { units: allowed ? units - 60n : units, second: now })
    return { ip, second, allowed }
  })
}

function byLog(all: Request[]): Judged[] {
  const granted = new Map<string, number[]>()
  return all.map(({ ip, second }) => {
    const times = (granted.get(ip) ?? []).filter((time) => time > second - 60)
    const allowed = times.length < 10
    granted.set(ip, allowed ? [...times, second] : times)
    return { ip, second, allowed }
  })
}

/** A key's first request opens a window; the next after its end, or after n of its lengths, another. */
function byWindow(all: Request[]): Judged[] {
  const windows = new Map<string, { opened: number; count: number }>()
  return all.map(({ ip, second }) => {
    let window = windows.get(ip)
    // A window that ended with something in it is followed by empty ones, and an empty one opens at its first request.
    if (window === undefined || second - window.opened >= 60) window = { opened: second, count: 0 }
    windows.set(ip, window)
    const allowed = window.count < 10
    if (allowed) window.count += 1
    return { ip, second, allowed }
  })
}

describe.skipIf(!present)('replay of a real log', () => {
  let all: Request[]
  beforeAll(() => {
    all = requests()
  })

  const cases: [Algorithm, (all: Request[]) => Judged[]][] = [
    ['token-bucket', (all) => byTokens(all, 10n)],
    ['leaky-bucket', (all) => byTokens(all, 10n)],
    ['sliding-window', byLog],
    ['fixed-window', byWindow],
  ]

  it.each(cases)('agrees with a count by hand in every verdict: %s', async (algorithm, byHand) => {
    const limits = [parseLimit('10/1m', algorithm, undefined)]
    const judge = new Judge({ algorithm, limits })
    const judged: Judged[] = []
    for await (const { key, time, allowed } of verdicts(createReadStream(LOG), judge)) {
      judged.push({ ip: key, second: time / 1000, allowed })
    }
    const expected = byHand(all)
    expect(judged.length).toBe(10_000)
    expect(expected.filter(({ allowed }) => !allowed).length).toBeGreaterThan(500)
    expect(judged).toEqual(expected)
  })

  it.each(cases)('agrees with it as a command: %s', async (algorithm, byHand) => {
    const args = ['replay', LOG, '--limit', '10/1m', '--algorithm', algorithm]
    const { code, stdout, stderr } = await child([...args, '--json', '--top', '5000'])
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const report = JSON.parse(stdout)
    const expected = byHand(all)
    const denied = expected.filter(({ allowed }) => !allowed).length
    expect(report).toMatchObject({
      requests: 10_000,
      allowed: 10_000 - denied,
      denied,
      malformed: 0,
      reordered: 9448,
      late: 0,
      from: new Date(all[0]!.second * 1000).toISOString(),
      to: new Date(all[9999]!.second * 1000).toISOString(),
    })
    const byKey = new Map<
      string,
      { key: string; requests: number; allowed: number; denied: number }
    >()
    for (const { ip, allowed } of expected) {
      const count = byKey.get(ip) ?? { key: ip, requests: 0, allowed: 0, denied: 0 }
      count.requests += 1
      if (allowed) count.allowed += 1
      else count.denied += 1
      byKey.set(ip, count)
    }
    expect(report.keysSeen).toBe(byKey.size)
    expect(new Map(report.keys.map((count: { key: string }) => [count.key, count]))).toEqual(byKey)
    const order = report.keys.map(
      (count: { denied: number; requests: number }) => count.denied * 1e6 + count.requests,
    )
    expect(order).toEqual([...order].sort((a, b) => b - a))
    const bars: { allowed: number; denied: number }[] = report.timeline
    expect(bars.reduce((sum, bar) => sum + bar.denied, 0)).toBe(denied)
    expect(bars.reduce((sum, bar) => sum + bar.allowed, 0)).toBe(10_000 - denied)
  })

  it('names the smallest burst that denies nothing', async () => {
    const deniedWith = (burst: bigint) =>
      byTokens(all, burst).filter(({ allowed }) => !allowed).length
    const { stdout } = await command(['replay', LOG, '--limit', '10/1m', '--json'])
    const { neededBurst } = JSON.parse(stdout).limits[0]
    expect(deniedWith(BigInt(neededBurst))).toBe(0)
    expect(deniedWith(BigInt(neededBurst) - 1n)).toBeGreaterThan(0)
    const at = async (burst: number) => {
      const args = ['replay', LOG, '--limit', '10/1m', '--burst', String(burst), '--json']
      return JSON.parse((await command(args)).stdout).denied
    }
    expect(await at(neededBurst)).toBe(0)
    expect(await at(neededBurst - 1)).toBeGreaterThan(0)
  })
})
