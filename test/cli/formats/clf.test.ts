import { describe, expect, it } from 'vitest'
import { read, reader } from './support.ts'

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
    expect(read(COMBINED, field)).toEqual({ time: TIME, key, cost: 1 })
  })

  it('reads the virtual host before the address', () => {
    const line = `example.com:443 ${COMBINED}`
    expect(read(line, 'host').key).toBe('example.com:443')
    expect(read(line, 'ip').key).toBe('1.2.3.4')
    expect(read(line, 'user').key).toBe('alice')
  })

  it('reads a user with spaces, and an IPv6 address', () => {
    const line = '2001:db8::1 - John Q. Doe [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 -'
    expect(read(line, 'user', 'clf').key).toBe('John Q. Doe')
    expect(read(line, 'ip', 'clf').key).toBe('2001:db8::/56')
  })

  it.each([
    ['10:05:03 +0000', TIME],
    ['12:05:03 +0200', TIME],
    ['05:35:03 -0430', TIME],
    ['10:05:03 +0530', TIME - 5.5 * 3_600_000],
  ])('honours the zone of %s', (clock, time) => {
    const line = `1.2.3.4 - - [17/May/2015:${clock}] "GET / HTTP/1.1" 200 1`
    expect(read(line, 'ip', 'clf').time).toBe(time)
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
    expect(read(line, 'path', 'clf').key).toBe(path)
  })

  it('reads a line that was cut after the request', () => {
    expect(read(COMBINED.slice(0, -8), 'ip', 'combined').key).toBe('1.2.3.4')
    expect(read(COMBINED.slice(0, -8), 'agent', 'combined').key).toBe('-')
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
    expect(reader('ip', 'clf')(line)).toBeTypeOf('string')
  })

  it('knows no referer and no agent in the common format', () => {
    expect(read(COMBINED, 'agent', 'clf').key).toBe('-')
  })

  it.each([
    ['a fraction of a second (Apache)', '17/May/2015:10:05:03.125 +0000', TIME + 125],
    ['microseconds (Apache)', '17/May/2015:10:05:03.000250 +0200', TIME - 2 * 3_600_000 + 0.25],
    ['no zone', '17/May/2015:10:05:03', TIME],
    ['a zone with a colon', '17/May/2015:12:05:03 +02:00', TIME],
    ['ISO 8601', '2015-05-17T12:05:03+02:00', TIME],
    ['seconds since 1970', '1431857103.125', TIME + 125],
  ])('reads a time with %s', (_what, text, time) => {
    const line = `1.2.3.4 - - [${text}] "GET / HTTP/1.1" 200 1`
    expect(read(line).time).toBe(time)
    // Twice: the second is remembered.
    expect(read(line).time).toBe(time)
  })

  it.each([
    ['a port', '1.2.3.4:5678 - -', '1.2.3.4'],
    ['IPv6 in brackets with a port', '[2001:db8:1:2::3]:5678 - -', '2001:db8:1::/56'],
    ['mapped IPv4', '::ffff:1.2.3.4 - -', '1.2.3.4'],
    ['X-Forwarded-For', '1.1.1.1, 203.0.113.1, 10.0.0.9 - -', '203.0.113.1'],
    ['X-Forwarded-For without spaces', '1.1.1.1,203.0.113.1 - alice', '203.0.113.1'],
    ['X-Forwarded-For in quotes', '"203.0.113.1, 192.168.0.1" - -', '203.0.113.1'],
    ['X-Forwarded-For of private addresses', '10.0.0.1, 10.0.0.2 - -', '10.0.0.1'],
    ['an entry that is no address', '203.0.113.1, unknown, 10.0.0.2 - -', '10.0.0.2'],
    ['a virtual host', 'example.com:443 1.2.3.4 - -', '1.2.3.4'],
    ['a virtual host that is an address', '10.0.0.5:443 1.2.3.4 - -', '1.2.3.4'],
    ['an ident', '1.2.3.4 frank -', '1.2.3.4'],
    ['a virtual host and an ident', 'example.com 1.2.3.4 frank bob', '1.2.3.4'],
    ['no ident and no user', '1.2.3.4', '1.2.3.4'],
    ['a host name (HostnameLookups On)', 'in24.inetnebr.com - -', 'in24.inetnebr.com'],
    ['localhost', 'localhost - -', 'localhost'],
    ['a user who would be another client', '1.2.3.4 - 9.9.9.9 - x', '1.2.3.4'],
  ])('finds the client: %s', (_what, head, ip) => {
    expect(read(`${head} [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1`).key).toBe(ip)
  })

  it.each([
    '- - -',
    'unix: - -',
    'nginx: - -',
    'web-1 - -',
    '999.1.1.1 - -',
    '1.2.3 - -',
    '"unknown" - -',
    'some words - - -',
  ])('judges nothing under %j, which is no client', (head) => {
    const line = `${head} [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1`
    expect(reader('ip')(line)).toBe('client')
    expect(read(line, 'path').key).toBe('/')
  })

  it('reads X-Forwarded-For at the end, and the bytes as a cost', () => {
    const line = `${COMBINED} "203.0.113.9"`
    expect(read(line, 'forwarded').key).toBe('203.0.113.9')
    expect(read(line, 'ip', 'auto', { cost: 'bytes' }).cost).toBe(12)
    expect(read(line, 'ip', 'auto', { cost: 'agent' }).cost).toBeNaN()
  })
})
