import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as zlib from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, it, vi } from 'vitest'
import type { LogRecord } from '../../../src/cli/formats/record.ts'
import { glob } from '../../../src/cli/reading/glob.ts'
import { linesOf } from '../../../src/cli/reading/lines.ts'
import { merged } from '../../../src/cli/reading/merge.ts'
import { Reorderer } from '../../../src/cli/reading/reorder.ts'
import { unpacked } from '../../../src/cli/reading/unpack.ts'
import { clf, command, log } from '../support.ts'

vi.setConfig({ testTimeout: 60_000 })

const folder = mkdtempSync(join(tmpdir(), 'aioflux-reading-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, content)
  return path
}

async function judged(paths: string[], ...args: string[]) {
  const limit = ['--limit', '2/1m', '--json', ...args]
  const { code, stdout, stderr } = await command(['replay', ...paths, ...limit])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** With another byte at `place`, counted from the end where it is negative. */
function changed(bytes: Buffer, place: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = place < 0 ? copy.length + place : place
  copy[at] = (copy[at] as number) ^ 0xff
  return copy
}

/** A member of gzip with what RFC 1952 lets a header have. */
function withHeader(
  bytes: Uint8Array,
  { name, extra, sum }: { name: boolean; extra: boolean; sum: boolean },
): Buffer {
  const packed = zlib.gzipSync(bytes)
  const head = Buffer.from(packed.subarray(0, 10))
  head[3] = (sum ? 2 : 0) | (extra ? 4 : 0) | (name ? 8 : 0)
  const parts = [
    head,
    ...(extra ? [Buffer.from([3, 0, 1, 2, 3])] : []),
    ...(name ? [Buffer.from('access.log\0')] : []),
    ...(sum ? [Buffer.from([0, 0])] : []),
    packed.subarray(10),
  ]
  return Buffer.concat(parts)
}

describe('several logs', () => {
  it('are read in the order of their times, whatever their names', async () => {
    const newest = file('rotated/access.log', log(clf(240), clf(300)))
    file('rotated/access.log.1', log(clf(120), clf(180)))
    file('rotated/access.log.2.gz', zlib.gzipSync(log(clf(0), clf(60))))
    const report = await judged([`${folder}/rotated/access.log*`])
    expect(report).toMatchObject({ requests: 6, late: 0, reordered: 0 })
    expect(report.from).toBe('2015-05-17T10:00:00.000Z')
    expect(report.timeline.length).toBe(301)
    expect(await judged([newest])).toMatchObject({ requests: 2 })
  })

  it('of several servers are one log', async () => {
    const one = file('servers/1.log', log(...[0, 10, 20, 30].map((s) => clf(s))))
    const two = file('servers/2.log', log(...[5, 15, 25, 35].map((s) => clf(s))))
    const whole = file('servers/all.log', log(...[0, 5, 10, 15, 20, 25, 30, 35].map((s) => clf(s))))
    expect(await judged([two, one])).toEqual(await judged([whole]))
  })

  it('each have their own heading', async () => {
    const one = file('w3c/1.log', '#Fields: date time c-ip\n2024-03-07 09:00:01 203.0.113.1\n')
    const two = file('w3c/2.log', '#Fields: c-ip date time\n198.51.100.2 2024-03-07 09:00:02\n')
    expect(await judged([one, two])).toMatchObject({ requests: 2, keysSeen: 2, malformed: 0 })
  })

  it('may be one that has nothing, and the standard input', async () => {
    const empty = file('empty.log', '')
    const one = file('one.log', log(clf(30)))
    const { stdout } = await command(['replay', one, '-', empty, '--limit', '1/s', '--json'], {
      stdin: log(clf(0), clf(60)),
    })
    expect(JSON.parse(stdout)).toMatchObject({ requests: 3, late: 0 })
  })

  it('are merged like one sorted list, however they overlap', async () => {
    const times = fc.array(fc.nat(1_000_000), { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(fc.array(times, { minLength: 1, maxLength: 5 }), async (lists) => {
        const logs = lists.map((list, i) => {
          const sorted = [...list].sort((a, b) => a - b)
          const records = sorted.map((time) => ({ time, key: String(i), cost: 1 }))
          async function* open(): AsyncGenerator<LogRecord[]> {
            for (let at = 0; at < records.length; at += 3) yield records.slice(at, at + 3)
          }
          return { begins: sorted[0] ?? -Infinity, open }
        })
        const found = (await all(merged(logs))).flat()
        const expected = lists.flat().sort((a, b) => a - b)
        expect(found.map(({ time }) => time)).toEqual(expected)
      }),
    )
  })

  it('are opened one after another', async () => {
    const open: string[] = []
    const logOf = (name: string, hour: number) => ({
      begins: hour * 3_600_000,
      async *open(): AsyncGenerator<LogRecord[]> {
        open.push(name)
        yield [{ time: hour * 3_600_000, key: name, cost: 1 }]
        open.splice(open.indexOf(name), 1)
      },
    })
    const most: number[] = []
    const logs = [3, 1, 2, 0].map((hour) => logOf(`log ${hour}`, hour))
    for await (const _ of merged(logs)) most.push(open.length)
    expect(Math.max(...most)).toBeLessThanOrEqual(1)
  })
})

describe('patterns', () => {
  it.each([
    ['*.log', ['a.log', 'b.log']],
    ['?.log', ['a.log', 'b.log']],
    ['[ac].log', ['a.log']],
    ['[!a].log', ['b.log']],
    ['{a,b}.log', ['a.log', 'b.log']],
    ['**/*.log', ['a.log', 'b.log', 'deep/er/c.log']],
    ['deep/*/c.*', ['deep/er/c.log']],
    ['a+b(1).t?t', ['a+b(1).txt']],
    ['x*', []],
  ])('%s', async (pattern, names) => {
    for (const name of ['a.log', 'b.log', 'deep/er/c.log', 'a+b(1).txt', '.hidden.log']) {
      file(`glob/${name}`, '')
    }
    const found = await glob(join(folder, 'glob', pattern))
    expect(found).toEqual(names.map((name) => join(folder, 'glob', name)))
  })

  it('a name with such characters is a name first', async () => {
    const path = file('odd/access[1].log', log(clf(0)))
    expect(await judged([path])).toMatchObject({ requests: 1 })
    expect(await command(['replay', `${folder}/none*.log`, '--limit', '1/s'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no such file'),
    })
  })
})

describe('bad input', () => {
  const replay = (stdin: string | Uint8Array, ...args: string[]) =>
    command(['replay', '-', '--limit', '2/1m', ...args], { stdin })

  it('a gzip bomb ends early, and is told', async () => {
    const bomb = zlib.gzipSync(Buffer.alloc(270e6))
    const { code, stdout, stderr } = await replay(bomb)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/this is not a log: 0\.\d MB unpack to more than 25\d\.\d MB/)
  })

  it('a well packed log is no bomb', async () => {
    const state = { readable: true, junk: 0 }
    async function* packed() {
      yield zlib.gzipSync(Buffer.alloc(8e6, '\n'))
    }
    let size = 0
    for await (const chunk of unpacked(packed(), state, 1e6)) size += chunk.length
    expect(size).toBe(8e6)
    const none = { readable: false, junk: 0 }
    await expect(all(unpacked(packed(), none, 1e6))).rejects.toThrow('this is not a log')
  })

  describe('gzip', () => {
    const [one, two] = [log(clf(0), clf(1)), log(clf(2))].map((text) => zlib.gzipSync(text))
    const whole = { requests: 3, malformed: 0, junkFiles: 0, notes: [] }

    it.each([
      ['several members are one log', Buffer.concat([one!, two!]), whole],
      ['zeros at the end are none', Buffer.concat([one!, two!, Buffer.alloc(512)]), whole],
      [
        'what is behind the members is told',
        Buffer.concat([one!, two!, Buffer.from('junk')]),
        {
          ...whole,
          junkFiles: 1,
          notes: ['1 archive read up to the end of the last gzip member; what follows is no gzip'],
        },
      ],
    ])('%s', async (_what, bytes, report) => {
      expect(await judged([file('packed.gz', bytes)])).toMatchObject(report)
    })

    it.each([
      ['a member that ends too soon', Buffer.concat([one!, two!.subarray(0, -9)]), 'too soon'],
      ['a member without its end', Buffer.concat([one!, two!.subarray(0, -3)]), 'too soon'],
      ['a header that ends too soon', one!.subarray(0, 7), 'too soon'],
      ['a wrong length', changed(one!, -1), 'damaged'],
      ...('crc32' in zlib ? [['a wrong sum', changed(one!, -5), 'damaged'] as const] : []),
      ['damaged bytes', changed(one!, 10), 'Z_DATA_ERROR'],
    ] as const)('%s is told', async (_what, bytes, says) => {
      const { code, stderr } = await replay(bytes)
      expect(code).toBe(1)
      expect(stderr).toContain(says)
      expect(stderr).not.toContain('    at ')
    })

    it('members of any size and any header, in pieces of any size', async () => {
      const header = fc.record({ name: fc.boolean(), extra: fc.boolean(), sum: fc.boolean() })
      const member = fc.tuple(fc.uint8Array({ maxLength: 60_000 }), header)
      const members = fc.array(member, { minLength: 1, maxLength: 4 })
      await fc.assert(
        fc.asyncProperty(members, fc.integer({ min: 1, max: 40_000 }), async (list, size) => {
          const packed = Buffer.concat(list.map(([bytes, head]) => withHeader(bytes, head)))
          async function* pieces() {
            for (let at = 0; at < packed.length; at += size) yield packed.subarray(at, at + size)
          }
          const state = { readable: true, junk: 0 }
          const found = Buffer.concat(await all(unpacked(pieces(), state)))
          expect(found.equals(Buffer.concat(list.map(([bytes]) => bytes)))).toBe(true)
          expect(state.junk).toBe(0)
        }),
        { numRuns: 30 },
      )
    })
  })

  it.each([
    ['bzip2', Buffer.from('BZh91AY&SY'), 'bzcat'],
    ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]), 'xzcat'],
    ['zip', Buffer.from('PK\x03\x04abcd'), 'unzip -p'],
  ])('%s is told, with what unpacks it', async (_what, bytes, says) => {
    const { code, stderr } = await replay(bytes)
    expect(code).toBe(1)
    expect(stderr).toContain(says)
    expect(stderr).not.toContain('    at ')
  })

  it('Zstandard is read where Node has it, and told elsewhere', async () => {
    // `printf '<line>' | zstd`: a frame with one raw block.
    const text = Buffer.from(log(clf(0), clf(1)))
    const frame = Buffer.concat([
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, text.length]),
      Buffer.from([((text.length << 3) | 1) & 255, (text.length << 3) >> 8, 0]),
      text,
    ])
    expect(text.length).toBeLessThan(256)
    const { code, stdout, stderr } = await replay(frame, '--json')
    if ('createZstdDecompress' in zlib) {
      expect(JSON.parse(stdout)).toMatchObject({ requests: 2 })
    } else {
      expect(code).toBe(1)
      expect(stderr).toMatch(/Zstandard needs Node 22\.15 or later.*zstdcat/)
    }
  })

  it('bytes that are no text are malformed lines', async () => {
    const noise = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256))
    const { code, stderr } = await replay(noise)
    expect(code).toBe(1)
    expect(stderr).not.toContain('\x1b')
    const mixed = Buffer.concat([Buffer.from(log(clf(0))), noise, Buffer.from(`\n${log(clf(1))}`)])
    const { stdout } = await replay(mixed, '--json')
    expect(JSON.parse(stdout)).toMatchObject({ requests: 2 })
  })

  it('a log in UTF-16, as PowerShell writes it, is read', async () => {
    const { stdout } = await replay(
      Buffer.from(`\ufeff${log(clf(0), clf(1))}`, 'utf16le'),
      '--json',
    )
    expect(JSON.parse(stdout)).toMatchObject({ requests: 2, malformed: 0 })
  })

  it('a time field that is no time: told, with what to do', async () => {
    const line = JSON.stringify({ when: '2024-03-07T09:00:01Z', ip: '203.0.113.1' })
    const { code, stderr } = await replay(log(line))
    expect(code).toBe(1)
    expect(stderr).toContain('--time names the field')
    const named = await replay(log(line), '--time', 'when', '--json')
    expect(JSON.parse(named.stdout)).toMatchObject({ requests: 1 })
    const wrong = await replay(log(line), '--time', 'ip')
    expect(wrong).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("field 'ip' of --time"),
    })
  })

  it('lines without a client: told, with why', async () => {
    const line = clf(0, 'nginx:')
    const { code, stderr } = await replay(log(line))
    expect(code).toBe(1)
    expect(stderr).toContain('name no client')
    const { stdout } = await replay(log(line, clf(0), clf(1)), '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      requests: 2,
      malformed: 1,
      malformedWhy: { shape: 0, time: 0, client: 1, tooLong: 0 },
      notes: ['1 malformed line skipped: 1 without a client'],
    })
  })

  it('one time far in the future does not make all after it late', async () => {
    const far = clf(0).replace('2015', '2099')
    const lines = [clf(0), far, ...Array.from({ length: 200 }, (_, i) => clf(i))]
    const { stdout } = await replay(log(...lines), '--json')
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({ requests: 201, late: 0, malformed: 1 })
    expect(report.to).toBe('2015-05-17T10:03:19.000Z')
    // A night without requests is no wrong time.
    const nights = [0, 1, 2, 3].map((n) => clf(0).replace('17/May', `${17 + 2 * n}/May`))
    const quiet = await replay(log(...nights), '--json')
    expect(JSON.parse(quiet.stdout)).toMatchObject({ requests: 4, malformed: 0 })
  })

  it('lines of any length in little memory', async () => {
    async function* endless() {
      for (let i = 0; i < 64; i++) yield Buffer.alloc(1 << 20, 'x')
      yield Buffer.from('\nlast')
    }
    const found = await all(linesOf(endless()))
    expect(found.flatMap(({ lines }) => lines)).toEqual(['last'])
    expect(found.reduce((sum, { tooLong }) => sum + tooLong, 0)).toBe(1)
  })
})

it('a record that is far ahead waits for the next one', () => {
  const order = new Reorderer<{ time: number }>(60, 100, 1000)
  const out: { time: number }[] = []
  for (const time of [0, 5000, 5001, 90_000, 5002]) order.push({ time }, out)
  order.end(out)
  expect(out.map(({ time }) => time)).toEqual([0, 5000, 5001, 5002])
  expect(order).toMatchObject({ stray: 1, late: 0, reordered: 0 })
})
