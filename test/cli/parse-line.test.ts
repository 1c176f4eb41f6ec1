import { describe, expect, it } from 'vitest'
import { formatsOf, parsers } from '../../src/cli/parse-line.ts'

const TIME = Date.UTC(2015, 4, 17, 10, 5, 3)
const COMBINED =
  '1.2.3.4 - alice [17/May/2015:10:05:03 +0000] "GET /a/b?c=d#e HTTP/1.1" 404 12 "http://r/" "Agent \\"x\\" 1"'

describe('common and combined lines', () => {
  it.each([
    ['ip', '1.2.3.4'],
    ['user', 'alice'],
    ['method', 'GET'],
    ['path', '/a/b'],
    ['status', '404'],
    ['referer', 'http://r/'],
    ['agent', 'Agent \\"x\\" 1'],
    ['host', '-'],
    ['session', '-'],
  ])('reads %s', (field, key) => {
    expect(parsers.auto(COMBINED, field)).toEqual({ time: TIME, key })
  })

  it('reads the virtual host before the address', () => {
    const line = `example.com:443 ${COMBINED}`
    expect(parsers.auto(line, 'host')?.key).toBe('example.com:443')
    expect(parsers.auto(line, 'ip')?.key).toBe('1.2.3.4')
    expect(parsers.auto(line, 'user')?.key).toBe('alice')
  })

  it('reads a user with spaces, and an IPv6 address', () => {
    const line = '2001:db8::1 - John Q. Doe [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 -'
    expect(parsers.clf(line, 'user')?.key).toBe('John Q. Doe')
    expect(parsers.clf(line, 'ip')?.key).toBe('2001:db8::1')
  })

  it.each([
    ['10:05:03 +0000', TIME],
    ['12:05:03 +0200', TIME],
    ['05:35:03 -0430', TIME],
    ['10:05:03 +0530', TIME - 5.5 * 3_600_000],
  ])('honours the zone of %s', (clock, time) => {
    const line = `1.2.3.4 - - [17/May/2015:${clock}] "GET / HTTP/1.1" 200 1`
    expect(parsers.clf(line, 'ip')?.time).toBe(time)
  })

  it.each([
    ['GET http://example.com/a?b HTTP/1.1', '/a'],
    ['GET http://example.com HTTP/1.1', '/'],
    ['CONNECT example.com:443 HTTP/1.1', 'example.com:443'],
    ['GET /a', '/a'],
    ['-', '-'],
    ['\\x16\\x03\\x01', '-'],
  ])('takes the path out of %s', (request, path) => {
    const line = `1.2.3.4 - - [17/May/2015:10:05:03 +0000] "${request}" 400 0`
    expect(parsers.clf(line, 'path')?.key).toBe(path)
  })

  it('reads a line that was cut after the request', () => {
    expect(parsers.combined(COMBINED.slice(0, -8), 'ip')?.key).toBe('1.2.3.4')
    expect(parsers.combined(COMBINED.slice(0, -8), 'agent')?.key).toBe('-')
  })

  it.each([
    '',
    'x',
    '[17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1',
    '1.2.3.4 - - "GET / HTTP/1.1" 200 1',
    '1.2.3.4 - - [17/May/2015:10:05:03 +0000]',
    '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HT',
    '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / \\"',
    '1.2.3.4 - - [17/May/2015:10:05] "GET / HTTP/1.1" 200 1',
    '1.2.3.4 - - [17/Mai/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1',
    '1.2.3.4 - - [31/Apr/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1',
    '1.2.3.4 - - [17/May/2015:25:05:03 +0000] "GET / HTTP/1.1" 200 1',
    '1.2.3.4 - - [17/May/2015:10:05:03 0000] "GET / HTTP/1.1" 200 1',
    '1.2.3.4 - - [x/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1',
  ])('finds %j malformed', (line) => {
    expect(parsers.clf(line, 'ip')).toBeUndefined()
  })

  it('knows no referer and no agent in the common format', () => {
    expect(parsers.clf(COMBINED, 'agent')?.key).toBe('-')
  })
})

describe('JSON lines', () => {
  const read = (value: unknown, field = 'ip') => parsers.auto(JSON.stringify(value), field)

  it.each([
    [{ time: '2015-05-17T10:05:03Z' }],
    [{ time: '2015-05-17T10:05:03.000Z' }],
    [{ timestamp: '2015-05-17T12:05:03+02:00' }],
    [{ '@timestamp': '2015-05-17 10:05:03' }],
    [{ date: '17/May/2015:10:05:03 +0000' }],
    [{ ts: TIME / 1000 }],
    [{ ts: TIME }],
    [{ ts: TIME * 1000 }],
    [{ ts: TIME * 1e6 }],
    [{ ts: String(TIME / 1000) }],
    [{ time: 'noon', ts: TIME }],
  ])('reads the time of %j', (value) => {
    expect(read(value)?.time).toBe(TIME)
  })

  it('keeps fractions of a second', () => {
    expect(read({ ts: 1_431_857_103.125 })?.time).toBe(TIME + 125)
  })

  it.each([
    ['ip', { ip: 'a' }, 'a'],
    ['ip', { remote_addr: 'a' }, 'a'],
    ['ip', { remoteAddr: 'a' }, 'a'],
    ['ip', { client_ip: 'a' }, 'a'],
    ['ip', { clientIp: 'a' }, 'a'],
    ['ip', { remote_ip: 'a' }, 'a'],
    ['path', { path: '/a?b' }, '/a'],
    ['path', { url: 'https://h/a?b' }, '/a'],
    ['path', { uri: '/a' }, '/a'],
    ['path', { request: 'GET /a?b HTTP/1.1' }, '/a'],
    ['user', { user: 'u' }, 'u'],
    ['user', { user_id: 7 }, '7'],
    ['user', { userId: 'u' }, 'u'],
    ['user', { remote_user: 'u' }, 'u'],
    ['tenant', { tenant: 'acme' }, 'acme'],
    ['tenant.id', { tenant: { id: 7 } }, '7'],
    ['tenant.id', { 'tenant.id': 'whole' }, 'whole'],
    ['tenant.id.more', { tenant: { id: 7 } }, '-'],
    ['tenant', { tenant: { id: 7 } }, '-'],
    ['tenant', { tenant: null }, '-'],
    ['tenant', {}, '-'],
    ['constructor.name', {}, '-'],
    ['__proto__', {}, '-'],
  ])('counts by %s in %j', (field, value, key) => {
    expect(read({ ...value, time: TIME }, field)).toEqual({ time: TIME, key })
  })

  it.each([
    '{',
    '[]',
    'null',
    '7',
    '{}',
    '{"time":true}',
    '{"time":"noon"}',
    '{"time":-1}',
    '{"time":1e300}',
  ])('finds %s malformed', (line) => {
    expect(parsers.json(line, 'ip')).toBeUndefined()
  })
})

it('says in which formats lines can be read', () => {
  expect(formatsOf([COMBINED])).toEqual(['combined'])
  expect(formatsOf(['x', '{"time":1}'])).toEqual(['json'])
  expect(formatsOf(['x'])).toEqual([])
})
