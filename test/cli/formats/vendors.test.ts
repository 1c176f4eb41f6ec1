// Each line is in the shape that its vendor documents; the pages are named in src/cli/formats.
import { describe, expect, it } from 'vitest'
import type { Format } from '../../../src/cli/formats/formats.ts'
import { type Fields, VENDORS } from './samples.ts'
import { read, reader } from './support.ts'

const FIELDS = ['ip', 'path', 'method', 'status', 'host', 'user', 'agent', 'bytes'] as const

function fieldsOf(lines: readonly string[], format: Format, asked: readonly string[]): Fields {
  const of = (name: string) => {
    const at = reader(name, format)
    const found = lines.map((line) => at(line)).filter((record) => record !== 'comment')
    const record = found[0]
    return typeof record === 'object' ? record : undefined
  }
  const entries = FIELDS.filter((name) => asked.includes(name)).map((name) => [name, of(name)?.key])
  return {
    time: new Date(of('path')?.time ?? Number.NaN).toISOString(),
    ...Object.fromEntries(entries),
  }
}

describe.each(VENDORS)('$name', ({ lines, format, fields }) => {
  it('is told by itself', () => {
    expect(fieldsOf(lines, 'auto', Object.keys(fields))).toEqual(fields)
  })

  it(`is read by --format ${format}`, () => {
    expect(fieldsOf(lines, format, Object.keys(fields))).toEqual(fields)
  })

  it('is read in the middle of a log of another format', () => {
    const other = '9.9.9.9 - - [17/May/2015:10:05:03 +0000] "GET /other HTTP/1.1" 200 1'
    const at = reader('ip')
    for (const text of [other, ...lines, other, ...lines, other]) {
      const found = at(text)
      if (text === other) expect(found).toMatchObject({ key: '9.9.9.9' })
      else if (found !== 'comment') expect(found).toMatchObject({ key: fields['ip'] })
    }
  })

  it.each([
    'web-1  | ',
    '2024-03-07T09:00:01.123456789Z stdout F ',
    'Mar  7 09:00:01 10.9.9.9 app[81]: ',
    '<190>1 2024-03-07T09:00:01Z 10.9.9.9 app 12 - [a@1 b="c]"] ',
  ])('is read behind the prefix %j', (prefix) => {
    const at = reader('ip')
    const found = lines.map((line) => at(line.startsWith('#') ? line : prefix + line))
    expect(found.at(-1)).toMatchObject({ key: fields['ip'] })
  })

  it('is read within Docker json-file', () => {
    const at = reader('ip')
    const wrapped = (log: string) =>
      JSON.stringify({ log: `${log}\n`, stream: 'stdout', time: '2024-03-07T09:00:01.5Z' })
    const found = lines.map((line) => at(wrapped(line)))
    expect(found.at(-1)).toMatchObject({
      key: fields['ip'],
      time: expect.closeTo(Date.parse(fields['time'] as string), -0.5),
    })
  })

  it('has nothing but a fault or a request for any part of a line', () => {
    const line = lines.at(-1) as string
    for (let end = 0; end < line.length; end++) {
      for (const format of [
        'auto',
        'clf',
        'combined',
        'json',
        'alb',
        'nlb',
        's3',
        'haproxy',
        'envoy',
        'iis',
        'w3c',
        'cloudfront',
      ] as const) {
        const found = reader('ip', format)(line.slice(0, end))
        if (typeof found === 'object') expect(found.time).toBeGreaterThan(0)
      }
    }
  })
})

describe('prefixes', () => {
  const LINE = '203.0.113.1 - - [07/Mar/2024:09:00:01 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"'
  it.each([
    'Mar  7 09:00:01 web-1 nginx: ',
    'Mar 17 09:00:01 10.0.0.5 nginx[81]: ',
    '<13>Mar 17 09:00:01 web-1 nginx: ',
    '<190>1 2024-03-07T09:00:01Z web-1 nginx - - - ',
    '2024-03-07T09:00:01.123456+00:00 web-1 nginx: ',
    'web-1  | ',
    '2024-03-07T09:00:01.123456789Z stdout F ',
    '2024-03-07T09:00:01.123456789Z ',
    '[pod/web-1/nginx] ',
    'access.log:',
    './logs/access.log.1:',
    'access.log:12:',
    'web-1  | Mar  7 09:00:01 web-1 nginx: ',
  ])('%j', (prefix) => {
    expect(read(prefix + LINE).key).toBe('203.0.113.1')
    const v6 = LINE.replace('203.0.113.1', '2001:db8:1:2::3')
    expect(read(prefix + v6).key).toBe('2001:db8:1::/56')
    const json = '{"ts":1709802001,"client_ip":"203.0.113.1"}'
    expect(read(prefix + json).key).toBe('203.0.113.1')
  })
})

describe('W3C', () => {
  const HEAD =
    '#Fields: date time cs-method cs-uri-stem cs-username c-ip sc-status sc-bytes X-Api-Key'
  const line = '2024-03-07 09:00:01 GET /a - 203.0.113.1 200 512 k1'

  it('follows the fields that the file names, wherever it names them anew', () => {
    const at = reader('ip')
    expect(at(line)).toBeTypeOf('string')
    expect(at(HEAD)).toBe('comment')
    expect(at(line)).toMatchObject({ key: '203.0.113.1' })
    expect(at('#Fields: c-ip date time')).toBe('comment')
    expect(at('198.51.100.2 2024-03-07 09:00:02')).toEqual({
      key: '198.51.100.2',
      time: Date.UTC(2024, 2, 7, 9, 0, 2),
      cost: 1,
    })
  })

  it('takes any field as key and as cost', () => {
    const at = reader('x-api-key', 'auto', { cost: 'sc-bytes' })
    at(HEAD)
    expect(at(line)).toMatchObject({ key: 'k1', cost: 512 })
  })

  it('takes the date from its directive where lines have the time alone', () => {
    const at = reader('ip', 'w3c')
    at('#Date: 2024-03-07 00:00:00')
    at('#Fields: time c-ip')
    expect(at('09:00:01 203.0.113.1')).toMatchObject({ time: Date.UTC(2024, 2, 7, 9, 0, 1) })
  })

  it.each([
    ['2024-03-07 00:00:00', ['23:59:59'], [7]],
    [
      '2024-03-07 00:00:00',
      ['00:00:01', '23:59:01', '00:00:01', '00:00:00', '23:59:59', '00:01:00'],
      [7, 7, 8, 8, 7, 8],
    ],
    ['2024-03-07 10:00:05', ['10:00:04', '02:00:00', '15:00:00', '03:00:00'], [7, 8, 8, 9]],
    [
      '2024-02-28 23:30:00',
      ['00:10:00', '00:09:00', '00:08:00', '23:59:59', '00:00:00'],
      [29, 29, 29, 28, 29],
    ],
  ])('goes on to the next day past midnight, from #Date: %s', (date, times, days) => {
    const at = reader('ip', 'w3c')
    at(`#Date: ${date}`)
    at('#Fields: time c-ip')
    const read = times.map((time) => {
      const record = at(`${time} 203.0.113.1`)
      return typeof record === 'string' ? record : new Date(record.time).toISOString()
    })
    expect(read.map((time) => Number(time.slice(8, 10)))).toEqual(days)
    expect(read.map((time) => time.slice(11, 19))).toEqual(times)
  })
})

it('HAProxy: the port after an IPv6 address is left out', () => {
  const line =
    'haproxy[1]: 2001:db8:1:2::3:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET /i HTTP/1.1"'
  expect(read(line).key).toBe('2001:db8:1::/56')
  expect(read(line, 'backend').key).toBe('static')
})

it('ALB: the moment of the request, by --time', () => {
  const { lines } = VENDORS.find(({ name }) => name === 'AWS ALB')!
  const at = read(lines[0]!, 'ip', 'auto', { time: 'request_creation_time' })
  expect(new Date(at.time).toISOString()).toBe('2018-07-02T22:22:48.364Z')
})
