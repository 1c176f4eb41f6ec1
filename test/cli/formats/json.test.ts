import { describe, expect, it } from 'vitest'
import { formatsOf } from '../../../src/cli/formats/formats.ts'
import { read, reader } from './support.ts'

const TIME = Date.UTC(2015, 4, 17, 10, 5, 3)

describe('JSON lines', () => {
  const of = (value: object, field = 'path') => read(JSON.stringify(value), field)

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
    expect(of(value).time).toBe(TIME)
  })

  it('keeps fractions of a second', () => {
    expect(of({ ts: 1_431_857_103.125 }).time).toBe(TIME + 125)
  })

  it.each([
    ['ip', { ip: '1.2.3.4' }, '1.2.3.4'],
    ['ip', { remote_addr: '1.2.3.4' }, '1.2.3.4'],
    ['ip', { remoteAddr: '1.2.3.4' }, '1.2.3.4'],
    ['ip', { client_ip: '1.2.3.4' }, '1.2.3.4'],
    ['ip', { clientIp: '1.2.3.4' }, '1.2.3.4'],
    ['ip', { remote_ip: '1.2.3.4' }, '1.2.3.4'],
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
    expect(of({ ...value, time: TIME }, field)).toEqual({ time: TIME, key, cost: 1 })
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
    expect(reader('path', 'json')(line)).toBeTypeOf('string')
  })

  it('takes a field that is a moment before one that is a duration', () => {
    expect(of({ time: 0.012, ts: TIME }).time).toBe(TIME)
    expect(of({ time: 0.012 }).time).toBe(12)
  })

  it('takes the time, the key and the cost from the fields that are named', () => {
    const value = {
      time: TIME,
      at: { start: '2015-05-17T10:05:04Z' },
      who: 'a',
      usage: { tokens: 7 },
    }
    const wanted = { time: 'at.start', cost: 'usage.tokens' }
    expect(read(JSON.stringify(value), 'who', 'auto', wanted)).toEqual({
      time: TIME + 1000,
      key: 'a',
      cost: 7,
    })
    expect(reader('who', 'auto', { time: 'at' })(JSON.stringify(value))).toBe('time')
    expect(read(JSON.stringify(value), 'who', 'auto', { cost: 'who' }).cost).toBeNaN()
  })

  it.each([[{ ip: 'unknown' }], [{ client: 'mobile app' }], [{ ip: { v4: '1.2.3.4' } }], [{}]])(
    'judges nothing by ip in %j, which has no client',
    (value) => {
      expect(reader('ip')(JSON.stringify({ ...value, time: TIME }))).toBe('client')
    },
  )

  it('passes over a field that is no address', () => {
    expect(
      of({ time: TIME, client: 'mobile app', x_forwarded_for: '203.0.113.1, 10.0.0.1' }, 'ip').key,
    ).toBe('203.0.113.1')
  })
})

it('says in which formats lines can be read', () => {
  const clf = '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1'
  expect(formatsOf([clf])).toEqual(['combined'])
  expect(formatsOf(['x', '{"time":1}'])).toEqual(['json'])
  expect(formatsOf(['x'])).toEqual([])
})
