// Random traffic, written in each format and read back: the same requests, and the verdicts of a count by hand.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../../src/cli/formats/record.ts'
import { Judge } from '../../../src/cli/judging/judge.ts'
import { ALGORITHMS, type Algorithm, parseLimit } from '../../../src/cli/judging/limit.ts'
import { reader } from './support.ts'

interface Request {
  /** In whole seconds. */
  second: number
  ip: string
  path: string
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const iso = ({ second }: Request) => new Date(second * 1000).toISOString()
/** `17/May/2015:10:05:03` */
const apache = (request: Request) => {
  const text = iso(request)
  const month = MONTHS[Number(text.slice(5, 7)) - 1]
  return `${text.slice(8, 10)}/${month}/${text.slice(0, 4)}:${text.slice(11, 19)}`
}
const day = (request: Request) => iso(request).slice(0, 10)
const clock = (request: Request) => iso(request).slice(11, 19)

const WRITERS: Record<
  string,
  { head?: string; pathless?: boolean; line(request: Request): string }
> = {
  clf: { line: (r) => `${r.ip} - - [${apache(r)} +0000] "GET ${r.path}?q=1 HTTP/1.1" 200 5` },
  combined: {
    line: (r) =>
      `${r.ip} - ann [${apache(r)}.000 +0000] "GET ${r.path} HTTP/1.1" 200 5 "-" "a [b] \\"c\\""`,
  },
  syslog: {
    line: (r) =>
      `Mar  7 09:00:01 10.0.0.5 nginx[8]: ${r.ip} - - [${apache(r)} +0000] "GET ${r.path} HTTP/1.1" 200 5 "-" "x"`,
  },
  nginx: {
    line: (r) =>
      JSON.stringify({
        time_local: `${apache(r)} +0000`,
        remote_addr: r.ip,
        request_uri: `${r.path}?a=b`,
      }),
  },
  caddy: {
    line: (r) =>
      JSON.stringify({
        level: 'info',
        ts: r.second,
        request: { remote_ip: '10.0.0.9', client_ip: r.ip, uri: r.path },
      }),
  },
  pino: {
    line: (r) =>
      JSON.stringify({ time: r.second * 1000, req: { url: r.path, remoteAddress: r.ip } }),
  },
  docker: {
    line: (r) =>
      JSON.stringify({
        log: `${WRITERS['combined']!.line(r)}\n`,
        stream: 'stdout',
        time: '2030-01-01T00:00:00Z',
      }),
  },
  w3c: {
    head: '#Fields: date time cs-method cs-uri-stem c-ip sc-status',
    line: (r) => `${day(r)} ${clock(r)} GET ${r.path} ${r.ip} 200`,
  },
  cloudfront: {
    line: (r) =>
      [
        day(r),
        clock(r),
        'LAX1',
        5,
        r.ip,
        'GET',
        'h',
        r.path,
        200,
        '-',
        'u',
        '-',
        '-',
        'Hit',
        'id',
        'h',
        'https',
        1,
        0.1,
        '-',
      ].join('\t'),
  },
  alb: {
    line: (r) =>
      `http ${iso(r)} app/lb/1 ${r.ip}:2817 10.0.0.1:80 0.0 0.1 0.0 200 200 34 366 "GET http://h:80${r.path} HTTP/1.1" "curl" - -`,
  },
  nlb: {
    pathless: true,
    line: (r) =>
      `tls 2.0 ${iso(r)} net/lb/1 g3d4 ${r.ip}:51341 10.0.0.1:443 5 2 98 246 - arn - C TLSv12 - h - - - ${iso(r)}`,
  },
  s3: {
    line: (r) =>
      `79a59d bucket [${apache(r)} +0000] ${r.ip} 79a59d 3E57427F REST.GET.OBJECT k "GET ${r.path} HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" -`,
  },
  haproxy: {
    line: (r) =>
      `haproxy[1]: ${r.ip}:33317 [${apache(r)}.000] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET ${r.path} HTTP/1.1"`,
  },
  envoy: {
    line: (r) =>
      `[${iso(r)}] "GET ${r.path} HTTP/2" 204 - 154 0 226 100 "${r.ip}" "u" "id" "h" "tcp://10.0.2.1:80"`,
  },
}

const traffic: fc.Arbitrary<Request[]> = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.nat(3), fc.constantFrom(0, 10, 20, 60)),
      ip: fc.constantFrom('203.0.113.1', '198.51.100.2', '2001:db8:1:200::7', '2001:db8:1:2ff::8'),
      path: fc.constantFrom('/', '/a', '/a/b-c', '/%20'),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((steps) => {
    let second = 1_431_857_103
    return steps.map(({ gap, ip, path }) => {
      second += gap
      return { second, ip, path }
    })
  })

/** The two addresses of IPv6 are of one home. */
const clientOf = (ip: string) => (ip.includes(':') ? '2001:db8:1:200::/56' : ip)

const RATE = 3
const PER = 60

/** One verdict for each request, by arithmetic in whole numbers. */
const BY_HAND: Record<Algorithm, (times: number[]) => boolean[]> = {
  'token-bucket': bucket,
  'leaky-bucket': bucket,
  'sliding-window': (times) => {
    const passed: number[] = []
    return times.map((time) => {
      const right = passed.filter((at) => at > time - PER).length < RATE
      if (right) passed.push(time)
      return right
    })
  },
  'fixed-window': (times) => {
    let [opened, count] = [-Infinity, 0]
    return times.map((time) => {
      if (time - opened >= PER) [opened, count] = [time, 0]
      count += 1
      return count <= RATE
    })
  },
}

function bucket(times: number[]): boolean[] {
  let units = RATE * PER
  let before = times[0]!
  return times.map((time) => {
    units = Math.min(RATE * PER, units + (time - before) * RATE)
    before = time
    if (units < PER) return false
    units -= PER
    return true
  })
}

describe.each(Object.keys(WRITERS))('%s', (name) => {
  const { head, line, pathless = false } = WRITERS[name]!
  const readAll = (all: Request[], key: string) => {
    const at = reader(key)
    if (head !== undefined) expect(at(head)).toBe('comment')
    return all.map((request) => at(line(request)) as LogRecord)
  }

  it('says what was written', () => {
    fc.assert(
      fc.property(traffic, (all) => {
        expect(readAll(all, 'ip')).toEqual(
          all.map(({ second, ip }) => ({ time: second * 1000, key: clientOf(ip), cost: 1 })),
        )
        const paths = all.map(({ path }) => (pathless ? '-' : path))
        expect(readAll(all, 'path').map(({ key }) => key)).toEqual(paths)
      }),
      { numRuns: 25 },
    )
  })

  it.each(ALGORITHMS)('is judged as by hand: %s', (algorithm) => {
    fc.assert(
      fc.property(traffic, (all) => {
        const limits = [parseLimit(`${RATE}/${PER}`, algorithm, undefined)]
        const verdicts = new Judge({ algorithm, limits }).judge(readAll(all, 'ip'))
        const clients = new Map<string, number[]>()
        for (const [i, { ip }] of all.entries()) {
          clients.set(clientOf(ip), [...(clients.get(clientOf(ip)) ?? []), i])
        }
        for (const places of clients.values()) {
          const expected = BY_HAND[algorithm](places.map((i) => all[i]!.second))
          expect(places.map((i) => verdicts[i]!.allowed)).toEqual(expected)
        }
      }),
      { numRuns: 15 },
    )
  })
})

it('has an answer for any text, in any format', () => {
  const word = fc.constantFrom(
    ' ',
    '[',
    ']',
    '"',
    '\\',
    '{',
    '}',
    ':',
    ',',
    '\t',
    '#Fields: ',
    '- ',
    '1.2.3.4',
    '::1',
    'GET /',
    '17/May/2015:10:05:03 +0000',
    '2015-05-17T10:05:03Z',
    '\0',
    '|',
    '<13>',
  )
  const text = fc.oneof(
    fc.string({ maxLength: 80 }),
    fc.array(word, { maxLength: 30 }).map((w) => w.join('')),
  )
  const formats = [
    'auto',
    'clf',
    'combined',
    'json',
    'w3c',
    'iis',
    'cloudfront',
    'alb',
    'nlb',
    's3',
    'haproxy',
    'envoy',
  ] as const
  fc.assert(
    fc.property(fc.array(text, { maxLength: 5 }), fc.constantFrom(...formats), (lines, format) => {
      const at = reader('ip', format)
      for (const line of lines) {
        const found = at(line)
        if (typeof found === 'object') {
          expect(found.time).toBeGreaterThanOrEqual(0)
          expect(found.key).not.toBe('')
        }
      }
    }),
    { numRuns: 500 },
  )
})
