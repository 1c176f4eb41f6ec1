import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { parseLimit } from '../../src/cli/judging/limit.ts'
import { LONGEST_LINE, linesOf } from '../../src/cli/reading/lines.ts'
import { child, clf, command, judgedLines, launch, log, type Setting } from './support.ts'

// A machine with other things to do takes its time to start a process.
vi.setConfig({ testTimeout: 60_000 })

/** The line of the progress bar, made empty. */
const WIPED = '\r\x1b[K'

const folder = mkdtempSync(join(tmpdir(), 'aioflux-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** What `--json` says of `stdin`. */
async function judged(stdin: string | Uint8Array, ...args: string[]) {
  const limit = args.includes('--limit') ? [] : ['--limit', '2/1m']
  const { code, stdout, stderr } = await command(['replay', '-', ...limit, '--json', ...args], {
    stdin,
  })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.trimEnd()).not.toContain('\n')
  return JSON.parse(stdout)
}

const THREE = log(clf(0), clf(1), clf(2), clf(2, '5.6.7.8'))
const OF_THREE = { requests: 4, allowed: 3, denied: 1, malformed: 0, reordered: 0, late: 0 }

describe('what it reads', () => {
  it('a file, and gzip by its first bytes, whatever it is called', async () => {
    for (const content of [THREE, gzipSync(THREE)]) {
      const path = file('access.log', content)
      const { code, stdout } = await command(['replay', path, '--limit', '2/1m', '--json'])
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject(OF_THREE)
    }
  })

  it('standard input, plain and gzip, of several members too', async () => {
    const whole = { requests: 4, allowed: 3, denied: 1 }
    expect(await judged(THREE)).toMatchObject(whole)
    expect(await judged(gzipSync(THREE))).toMatchObject(whole)
    const [head, tail] = [THREE.slice(0, 100), THREE.slice(100)]
    expect(await judged(Buffer.concat([gzipSync(head), gzipSync(tail)]))).toMatchObject(whole)
  })

  it('as a command, from a pipe', async () => {
    const { code, stdout, stderr } = await child(
      ['replay', '-', '--limit', '2/1m', '--json'],
      THREE,
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject(OF_THREE)
  })

  it('JSON lines, counted by any field', async () => {
    const lines = [7, 7, 8, 7].map((id, i) => JSON.stringify({ ts: 1e9 + i, tenant: { id } }))
    const report = await judged(log(...lines), '--key', 'tenant.id')
    expect(report).toMatchObject({
      requests: 4,
      denied: 1,
      from: '2001-09-09T01:46:40.000Z',
      to: '2001-09-09T01:46:43.000Z',
      key: 'tenant.id',
      keys: [
        { key: '7', requests: 3, allowed: 2, denied: 1 },
        { key: '8', requests: 1, allowed: 1, denied: 0 },
      ],
    })
  })

  it('lines that end in CR LF, blank lines, a byte order mark, and no end at the end', async () => {
    const text = `\ufeff{"ts":1000000000,"ip":"1.1.1.1"}\r\n\r\n\n{"ts":1000000001,"ip":"1.1.1.1"}`
    expect(await judged(text)).toMatchObject({ requests: 2, malformed: 0, keysSeen: 1 })
  })

  it('an empty log', async () => {
    expect(await judged('')).toMatchObject({
      requests: 0,
      allowed: 0,
      denied: 0,
      malformed: 0,
      from: null,
      to: null,
      keys: [],
      timeline: [],
      limits: [{ neededBurst: 0, neededBurstKey: null }],
    })
    const { code, stdout } = await command(['replay', '-', '--limit', '2/1m'])
    expect(code).toBe(0)
    expect(stdout).toContain('the log is empty')
  })

  it('past malformed lines, which it counts', async () => {
    const report = await judged(log('garbage', clf(0), '{"time":', clf(1), '\0\x01\x02'))
    expect(report).toMatchObject({ requests: 2, malformed: 3 })
  })

  it('past lines too long to keep', async () => {
    const long = 'x'.repeat(5_000_000)
    const text = `${clf(0)}\n${long}\n${clf(1)}\n${clf(2, '1.2.3.4', `/${long}`)}`
    expect(await judged(text)).toMatchObject({ requests: 2, malformed: 2 })
  })

  it('a line longer than any string can be, in little memory', async () => {
    const piece = Buffer.alloc(4 * 1024 * 1024, 'x')
    async function* endless() {
      for (let i = 0; i < 140; i++) yield piece
      yield Buffer.from('\nlast')
    }
    const lines: string[] = []
    let tooLong = 0
    for await (const found of linesOf(endless())) {
      lines.push(...found.lines)
      tooLong += found.tooLong
    }
    expect({ lines, tooLong }).toEqual({ lines: ['last'], tooLong: 1 })
  })

  it('lines of just the length it keeps, and none longer', async () => {
    const head = '{"ts":1000000000,"ip":"1.1.1.1","x":"'
    const line = (length: number) => `${head}${'y'.repeat(length - head.length - 2)}"}`
    expect(line(LONGEST_LINE).length).toBe(LONGEST_LINE)
    const report = await judged(log(line(LONGEST_LINE), line(LONGEST_LINE + 1)))
    expect(report).toMatchObject({ requests: 1, malformed: 1 })
  })
})

describe('what it judges', () => {
  it('records in the order of their times', async () => {
    // In the order of the file the second 61 would come first, and the bucket would be full again for it.
    const report = await judged(log(clf(59), clf(0), clf(1), clf(58)), '--limit', '2/1h')
    expect(report).toMatchObject({ requests: 4, denied: 2, reordered: 3, late: 0 })
    expect(report.from).toBe('2015-05-17T10:00:00.000Z')
    expect(report.timeline[0]).toMatchObject({ seconds: 1, allowed: 1, denied: 0 })
  })

  it('records later than the window at the time the log has reached', async () => {
    const report = await judged(log(clf(0), clf(100), clf(200), clf(10), clf(300)))
    expect(report).toMatchObject({ requests: 5, reordered: 0, late: 1 })
    expect(report.to).toBe('2015-05-17T10:05:00.000Z')
    const limits = [parseLimit('1/1h', 'fixed-window', undefined)]
    const lines = [clf(0), clf(100), clf(200), clf(10)]
    const { all } = await judgedLines(lines, { algorithm: 'fixed-window', limits })
    const seconds = all.map(({ time }) => (time / 1000) % 3600)
    expect(seconds).toEqual([0, 100, 100, 200])
  })

  it('records of one time in the order of the file', async () => {
    const lines = [clf(5, 'a'), clf(5, 'b'), clf(5, 'a'), clf(5, 'b')]
    const report = await judged(log(...lines), '--limit', '1/1h', '--key', 'method')
    expect(report).toMatchObject({ requests: 4, allowed: 1, denied: 3 })
  })

  it('several limits, all or none', async () => {
    const lines = [0, 0, 0, 60, 60, 60, 120].map((second) => clf(second))
    const args = ['--limit', '2/1m', '--limit', '3/1h', '--algorithm', 'fixed-window']
    const report = await judged(log(...lines), ...args)
    // Two pass, one the minute denies; one passes, and the hour is used up.
    expect(report).toMatchObject({ allowed: 3, denied: 4 })
    expect(report.limits).toMatchObject([
      { limit: '2/1m', rate: 2, per: 60, burst: null, denied: 1 },
      { limit: '3/1h', rate: 3, per: 3600, burst: null, denied: 3 },
    ])
  })

  it('two equal limits as one', async () => {
    const twice = ['--limit', '2/1m', '--limit', '2/1m']
    expect(await judged(THREE, ...twice)).toMatchObject({ allowed: 3, denied: 1 })
  })

  it.each([
    ['2/1m', 2, 60],
    ['2/m', 2, 60],
    ['3/s', 3, 1],
    ['1/h', 1, 3600],
    ['1/d', 1, 86_400],
    ['0.5/250ms', 0.5, 0.25],
    ['10/60', 10, 60],
  ])('the limit %s', async (limit, rate, per) => {
    expect((await judged(THREE, '--limit', limit)).limits).toMatchObject([{ limit, rate, per }])
  })

  it('a burst', async () => {
    const five = log(...[0, 0, 0, 0, 0].map((second) => clf(second)))
    const args = ['--limit', '1/1m', '--burst', '4']
    expect(await judged(five, ...args)).toMatchObject({
      denied: 1,
      limits: [{ burst: 4, neededBurst: 5, neededBurstKey: '1.2.3.4' }],
    })
    expect(await judged(five, ...args, '--algorithm', 'leaky-bucket')).toMatchObject({ denied: 1 })
  })

  it('records without the field under one key', async () => {
    const lines = ['{"ts":1000000000}', '{"ts":1000000000,"team":"a"}', '{"ts":1000000001}']
    const report = await judged(log(...lines), '--key', 'team')
    expect(report.keys[0]).toEqual({ key: '-', requests: 2, allowed: 2, denied: 0 })
  })

  it('as many keys as it was asked to show, the worst hit first', async () => {
    const lines = [1, 2, 2, 2, 3, 3, 3, 3, 4, 4].map((i) => clf(0, `10.0.0.${i}`))
    const report = await judged(log(...lines), '--top', '3')
    expect(report.keys.map(({ key }: { key: string }) => key)).toEqual([
      '10.0.0.3',
      '10.0.0.2',
      '10.0.0.4',
    ])
    expect(report.keysSeen).toBe(4)
    const busy = Array.from({ length: 9 }, (_, i) => clf(i * 60, '10.0.0.9'))
    const { keys } = await judged(
      log(...busy, ...lines.map((line) => line.replace('10:00', '10:09'))),
    )
    expect(keys.map(({ key }: { key: string }) => key)).toEqual(
      [3, 2, 9, 4, 1].map((i) => `10.0.0.${i}`),
    )
    expect((await judged(log(...lines), '--top', '0')).keys).toEqual([])
  })

  it('more keys than it has room for, and says so', async () => {
    const lines = Array.from({ length: 200 }, (_, i) => clf(i, `10.0.0.${i}`))
    const limits = [parseLimit('1/1h', 'fixed-window', undefined)]
    const crowded = async (room: number) => {
      const { judge, all } = await judgedLines(lines, { algorithm: 'fixed-window', limits, room })
      expect(all.length).toBe(200)
      return judge.crowded
    }
    expect(await crowded(100)).toBe(true)
    expect(await crowded(1000)).toBe(false)
    expect(await judged(THREE)).toMatchObject({ crowded: false, others: null })
  })

  it('very long keys apart, without keeping them whole', async () => {
    const path = (end: string) => `/${'x'.repeat(2000)}${end}`
    const lines = [clf(0, 'a', path('1')), clf(0, 'a', path('2')), clf(0, 'a', path('1'))]
    const { keys } = await judged(log(...lines), '--key', 'path')
    expect(keys.map(({ requests }: { requests: number }) => requests)).toEqual([2, 1])
    expect(keys[0].key.length).toBeLessThan(300)
  })
})

describe('how it fails', () => {
  const limit = ['--limit', '1/s']
  it.each([
    [[], '<access.log>|a log'],
    [['a.log'], '--limit'],
    [['-', '-', ...limit], '-'],
    [['a.log', ...limit, '--compare', 'many'], "--compare .* 'many'"],
    [['a.log', ...limit, '--compare-burst', '3'], '--compare-burst .*--compare'],
    [['a.log', ...limit, '--compare', '1/s', '--compare-burst', '0'], '--compare-burst .* 0'],
    [
      ['a.log', ...limit, '--compare', '1/s', '--compare-algorithm', 'x'],
      "--compare-algorithm .*'x'",
    ],
    [['a.log', ...limit, '--time', ''], '--time'],
    [['a.log', ...limit, '--cost', ''], '--cost'],
    [['a.log', ...limit, '--html', ''], '--html'],
    [['a.log', '--limt', '1/s'], "Unknown option '--limt': the nearest is --limit"],
    [['a.log', '--algoritm=x'], "Unknown option '--algoritm': the nearest is --algorithm"],
    [['a.log', '--limit'], '--limit'],
    [['a.log', '--limit', 'many'], "--limit .* 'many'"],
    [['a.log', '--limit', '0/1s'], "--limit .* '0/1s'"],
    [['a.log', '--limit', '-1/1s'], '--limit'],
    [['a.log', '--limit', '1/0s'], "--limit .* '1/0s'"],
    [['a.log', '--limit', '1/week'], "--limit .* '1/week'"],
    [['a.log', '--limit', '1/'], "--limit .* '1/'"],
    [['a.log', '--limit', '1e3/1s'], "--limit .* '1e3/1s'"],
    [['a.log', '--limit', '.5/1s', '--algorithm', 'fixed-window'], "--limit .* '.5/1s'"],
    [['a.log', ...limit, '--algorithm', 'magic'], "--algorithm .* 'magic'"],
    [['a.log', ...limit, '--format', 'xml'], "--format .* 'xml'"],
    [['a.log', ...limit, '--top', 'ten'], "--top .* 'ten'"],
    [['a.log', ...limit, '--top=-1'], "--top .* '-1'"],
    [['a.log', ...limit, '--burst', '0'], '--burst .* 0'],
    [['a.log', ...limit, '--burst', '2', '--algorithm', 'sliding-window'], "--burst .* '2'"],
    [['a.log', ...limit, '--burst', '2', '--algorithm', 'fixed-window'], "--burst .* '2'"],
    [['a.log', ...limit, '--key', ''], '--key'],
  ])('on wrong usage: %j', async (args, says) => {
    const { code, stdout, stderr } = await command(['replay', ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.split('\n')[0]).toMatch(new RegExp(`^aioflux: .*(${says})`))
    expect(stderr).toContain('usage: aioflux replay')
  })

  it('on an unknown command, and on none', async () => {
    expect(await command(['repaly'])).toMatchObject({ code: 2, stdout: '' })
    expect((await command(['repaly'])).stderr).toContain("'repaly'")
    expect(await command([])).toMatchObject({ code: 2, stdout: '' })
    expect(await command(['demo', '--fast'])).toMatchObject({ code: 2, stdout: '' })
  })

  it.each([
    ['a missing file', () => join(folder, 'missing.log'), 'ENOENT'],
    ['a directory', () => folder, 'EISDIR'],
    ['half a gzip file', () => file('half.gz', gzipSync(THREE).subarray(0, 60)), 'ends too soon'],
  ])('on %s', async (_what, path, says) => {
    const { code, stdout, stderr } = await command(['replay', path(), ...limit])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(path())
    expect(stderr).toContain(says)
    expect(stderr).not.toContain('    at ')
  })

  it('on what is no log, showing how it begins', async () => {
    const stdin = log('<html>\x1b[31m', '<body>')
    const { code, stdout, stderr } = await command(['replay', '-', ...limit, '--json'], { stdin })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('2 malformed lines')
    expect(stderr).toContain('<html>')
    expect(stderr).not.toContain('\x1b')
    expect(stderr).toContain('--format')
  })

  it('on a log of another format, saying which', async () => {
    const at = (format: string, stdin: string) =>
      command(['replay', '-', ...limit, '--format', format], { stdin })
    expect(await at('json', THREE)).toMatchObject({ code: 1 })
    expect((await at('json', THREE)).stderr).toContain('Try --format combined')
    expect((await at('clf', '{"ts":1}')).stderr).toContain('Try --format json')
  })

  it('with the same codes as a command', async () => {
    expect(await child(['replay', join(folder, 'missing.log'), ...limit])).toMatchObject({
      code: 1,
    })
    expect(await child(['replay', '-', '--limit', 'x'])).toMatchObject({ code: 2 })
  })
})

describe('what it prints', () => {
  const shown = (stdin: string | Uint8Array, setting: Setting = {}, ...args: string[]) =>
    command(['replay', '-', '--limit', '2/1m', ...args], { ...setting, stdin })

  it('help, and the version', async () => {
    expect(await command(['replay', '--help'])).toMatchObject({ code: 0, stderr: '' })
    expect((await command(['--help'])).stdout).toContain('aioflux demo')
    expect((await command(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('totals, a plot, the worst hit and the burst needed', async () => {
    const { stdout } = await shown(THREE)
    expect(stdout).toMatch(/allowed +3 +75\.0 %/)
    expect(stdout).toMatch(/denied +1 +25\.0 %/)
    expect(stdout).toContain('4 requests, 2 keys')
    expect((await shown(log(clf(0)))).stdout).toContain('1 request, 1 key\n')
    expect(stdout).toContain('█')
    expect(stdout).toMatch(/1\.2\.3\.4 +3 +2 +1 +33\.3 %/)
    expect(stdout).toMatch(/2\/1m +3 +by 1\.2\.3\.4/)
  })

  it('no colour and no progress in a pipe, and no line wider than 80', async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => clf(i * 97, `10.0.0.${i % 200}`))
    const { stdout, stderr } = await child(['replay', '-', '--limit', '1/1h'], log(...lines))
    expect(stderr).toBe('')
    expect(stdout).not.toContain('\x1b')
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  })

  it('colour and progress on a terminal, as wide as that', async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => clf(i * 97))
    const { stdout, stderr } = await shown(log(...lines), { tty: true, columns: 60 })
    expect(stdout).toContain('\x1b[32m')
    expect(stderr.endsWith(WIPED)).toBe(true)
    expect(stderr).toContain(' MB')
    const widths = stdout.split('\n').map((line) => stripVTControlCharacters(line).length)
    expect(Math.max(...widths)).toBeLessThanOrEqual(60)
    const path = file('bar.log', log(...lines))
    const bar = await command(['replay', path, '--limit', '2/1m'], { tty: true })
    expect(bar.stderr.endsWith(WIPED)).toBe(true)
    expect(bar.stderr).toMatch(/█+ 100 %/)
  })

  it('no colour where somebody said so', async () => {
    const plain = await shown(THREE, { tty: true, env: { NO_COLOR: '1' } })
    expect(plain.stdout).not.toContain('\x1b')
    const dumb = await shown(THREE, { tty: true, env: { TERM: 'dumb' } })
    expect(dumb.stdout).not.toContain('\x1b')
  })

  it('nothing that a client could steer the terminal with', async () => {
    const { stdout } = await shown(log(clf(0, 'a', '/\x1b[2J\u202e')), {}, '--key', 'path')
    expect(stdout).not.toContain('\x1b')
    expect(stdout).not.toContain('\u202e')
    expect(stdout).toContain('/·[2J·')
  })

  it('a word on what was odd about the log', async () => {
    const lines = [clf(0), clf(100), clf(50), clf(200), 'x', clf(0)]
    const { stdout } = await shown(log(...lines), {}, '--key', 'session')
    expect(stdout).toContain('1 malformed line skipped')
    expect(stdout).toContain('1 record out of order')
    expect(stdout).toContain('1 record too late')
    expect(stdout).toContain("no record has a field 'session'")
  })

  it('that no record has the field of --key, in front of the figures', async () => {
    const { stdout } = await shown(log(clf(0), clf(1)), {}, '--key', 'session')
    expect(stdout.split("no record has a field 'session'")).toHaveLength(2)
    expect(stdout.indexOf('no record has')).toBeLessThan(stdout.indexOf('allowed'))
    const { notes } = await judged(log(clf(0), 'x'), '--key', 'session')
    expect(notes[0]).toContain("no record has a field 'session'")
  })

  it('to a pipe that is closed early, without a word', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => clf(0, `10.${i % 250}.${i >> 8}.1`))
    const path = file('wide.log', log(...lines))
    const process = await launch(['replay', path, '--limit', '1/s', '--json', '--top', '20000'])
    let stderr = ''
    process.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    // More than a pipe holds, so that some of it is written after the reader has gone.
    process.stdout.once('data', () => process.stdout.destroy())
    const [code] = await once(process, 'close')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it.skipIf(!existsSync('/dev/full'))('to a disk that is full, in a word', async () => {
    const process = await launch(['--help'], '/dev/full')
    let stderr = ''
    process.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    const [code] = await once(process, 'close')
    expect({ code, stderr }).toEqual({
      code: 1,
      // Deno throws where it writes, and Node tells it later.
      stderr: expect.stringMatching(/^aioflux: .*no space left/i),
    })
  })
})
