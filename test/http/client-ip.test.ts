import { createServer } from 'node:http'
import { type AddressInfo, isIPv6 } from 'node:net'
import { clientIp } from 'aioflux/http'
import express from 'express'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** A request as node:http has it. */
const from = (remoteAddress: string | undefined, headers: Record<string, string> = {}) => ({
  headers,
  socket: { remoteAddress },
})

describe('clientIp', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/56'],
    ['2001:db8:1:2ff:3:4:5:6', '2001:db8:1:200::/56'],
    ['fe80::1%eth0', 'fe80::/56'],
    ['::1', '::/56'],
  ])('%s is %s', (address, key) => {
    expect(clientIp(from(address))).toBe(key)
  })

  it.each([
    '2001:db8:::1',
    '1:::2',
    ':::',
    ':::50000',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8:9:50000',
    '::ffff:192.0.2.1:80:80',
    '::ffff:192.0.2.1:99999',
    '1.2:443',
    'fe80::1%1%2',
    'fe80::1%a b',
    'fe80::1%',
    'fe80::1%eth0%',
    '192.0.2.1:99999',
    '[192.0.2.1]:65536',
    '[2001:db8::1]:99999',
    '2001:db8::1:99999',
  ])('%s is no address', (text) => {
    const nobody = clientIp(from('198.51.100.1', { 'x-forwarded-for': 'x' }), { trustedProxies: 1 })
    const headers = { 'x-forwarded-for': text }
    expect(clientIp(from('198.51.100.1', headers), { trustedProxies: 1 })).toBe(nobody)
    // A socket that tells it is believed as it is: nothing in it is cut off.
    expect(clientIp(from(text))).not.toMatch(/\/56$|^192\.0\.2\.1$/)
  })

  it('what node takes for an IPv6 address is one, and nothing else without a port', () => {
    const part = fc.constantFrom(':', '::', ':::', '1', 'ab', '12345', 'ffff', '1.2.3.4', '%', 'z')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        const text = parts.join('')
        const withPort = /[^:]:\d{5}$|\.\d+:\d+$|^(?:[^:]+:){8}\d{2,}$/
        fc.pre(!withPort.test(text) && text.includes(':') && !/^[\d.]+:/.test(text))
        expect(clientIp(from(text)) !== '').toBe(isIPv6(text))
      }),
      { numRuns: 2000 },
    )
  })

  it('takes IPv6 by the prefix it is told', () => {
    const of = (ipv6Prefix: number) => clientIp(from('2001:db8:1:2ff::9'), { ipv6Prefix })
    expect(of(64)).toBe('2001:db8:1:2ff::/64')
    expect(of(48)).toBe('2001:db8:1::/48')
    expect(of(128)).toBe('2001:db8:1:2ff::9')
    expect(of(1)).toBe('::/1')
  })

  it('all addresses of a network are one key, and others are not', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((n) => n.toString(16))
    const address = fc.array(group, { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(address, address, fc.integer({ min: 1, max: 128 }), (a, b, ipv6Prefix) => {
        const bits = (list: string[]) =>
          list.map((one) => Number.parseInt(one, 16).toString(2).padStart(16, '0')).join('')
        const same = bits(a).slice(0, ipv6Prefix) === bits(b).slice(0, ipv6Prefix)
        const key = (list: string[]) => clientIp(from(list.join(':')), { ipv6Prefix })
        expect(key(a) === key(b)).toBe(same)
        expect(isIPv6(key(a).replace(/\/.*/, ''))).toBe(true)
      }),
    )
  })

  it('believes no header unasked', () => {
    const headers = { 'x-forwarded-for': '192.0.2.9', forwarded: 'for=192.0.2.9' }
    expect(clientIp(from('198.51.100.1', headers))).toBe('198.51.100.1')
    expect(clientIp(from('198.51.100.1', headers), { trustedProxies: [] })).toBe('198.51.100.1')
    expect(clientIp(from('198.51.100.1', headers), { trustedProxies: 0 })).toBe('198.51.100.1')
  })

  it.each([
    ['203.0.113.7:51234', '203.0.113.7'],
    ['203.0.113.7:_hidden', '203.0.113.7'],
    ['[203.0.113.7]:80', '203.0.113.7'],
    [' 203.0.113.7 ', '203.0.113.7'],
    ['"203.0.113.7:80"', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:203.0.113.7', '203.0.113.7'],
    ['0:0:0:0:0:ffff:cb00:7107', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:80', '203.0.113.7'],
    ['::ffff:203.0.113.7:80', '203.0.113.7'],
    ['::ffff:203.0.113.7:51234', '203.0.113.7'],
    ['2001:db8:0:0:0:0:0:7:443', '2001:db8::/56'],
    ['2001:db8:0:0:0:0:0:7:80', '2001:db8::/56'],
    ['::ffff:203.0.113.7:51234', '203.0.113.7'],
    ['[2001:db8::7]:51234', '2001:db8::/56'],
    ['[2001:db8::7]', '2001:db8::/56'],
    ['"[2001:db8::7]:443"', '2001:db8::/56'],
    ['2001:DB8::7', '2001:db8::/56'],
    ['2001:db8::7:51234', '2001:db8::/56'],
    ['2001:db8:0:0:0:0:0:7:8080', '2001:db8::/56'],
    ['[fe80::1%eth0]:80', 'fe80::/56'],
    ['fe80::1%25eth0', 'fe80::/56'],
  ])('whatever form it has, %s is %s', (written, key) => {
    const connection = '198.51.100.1'
    expect(clientIp({ ip: written, ...from(connection) })).toBe(key)
    expect(clientIp(from(written))).toBe(key)
    expect(clientIp(new Request('http://x'), {}, written)).toBe(key)
    const header = { 'x-forwarded-for': `1.1.1.1, ${written}`, 'x-real-ip': written }
    for (const name of ['x-forwarded-for', 'x-real-ip']) {
      const options = { trustedProxies: ['198.51.100.1'], header: name }
      expect(clientIp(from(connection, header), options)).toBe(key)
      // The nearest proxy may be told with its port too.
      expect(clientIp(from(`${connection}:4711`, header), options)).toBe(key)
    }
  })

  it.each([
    ...['unknown', '_hidden', 'localhost', 'garbage', '-', '(null)', '', ' ', ':80', '[]', '[]:80'],
    ...[
      '203.0.113',
      '203.0.113.256',
      '203.0.113.07',
      '0xcb.0.113.7',
      '203.0.113.7.1',
      '3405803783',
    ],
    ...[
      '203.0.113.7:8a',
      '203.0.113.7:123456',
      '203.0.113.7:80:80',
      '203.0.113.7/24',
      '[::1',
      '::1]',
    ],
    ...[
      '1::2::3',
      '2001:db8::g',
      ':::',
      'fe80::1%',
      '[::1]80',
      '203.0.113.7%eth0',
      '1'.repeat(9999),
    ],
  ])('%j is no address: that of the connection counts', (written) => {
    expect(clientIp({ ip: written, ...from('198.51.100.1') })).toBe('198.51.100.1')
    expect(clientIp(from(written))).toBe('')
    const forwarded = from('198.51.100.1', { 'x-forwarded-for': `1.1.1.1, x${written}x` })
    expect(clientIp(forwarded, { trustedProxies: 2 })).toBe('198.51.100.1')
  })

  it('reads headers of any length in time that grows with it', () => {
    const steps = (header: string, value: string) =>
      clientIp(from('10.0.0.1', { [header]: value }), { trustedProxies: ['10.0.0.0/8'], header })
    const n = 1_000_000
    for (const part of [
      '"',
      '\\',
      '"\\',
      'for="',
      ';',
      '=',
      ',',
      ':',
      '::',
      '.',
      ' ',
      'for=a;',
      '[',
    ]) {
      steps('forwarded', part.repeat(n))
      steps('x-forwarded-for', part.repeat(n))
      steps('forwarded', `"${part.repeat(n)}"`)
    }
    expect(steps('forwarded', `${'"\\'.repeat(n)}, for=192.0.2.1`)).toBe('192.0.2.1')
  })

  it('reads no more proxies than there can be', () => {
    const list = (n: number) => from('::1', { 'x-forwarded-for': `192.0.2.1${', ::1'.repeat(n)}` })
    expect(clientIp(list(999), { trustedProxies: ['loopback'] })).toBe('192.0.2.1')
    expect(clientIp(list(1000), { trustedProxies: ['loopback'] })).toBe('::/56')
    expect(clientIp(list(1000), { trustedProxies: 5000 })).toBe('::/56')
  })

  it('whatever a client sends, what the proxy adds behind it decides', () => {
    const sent = fc.string({
      unit: fc.constantFrom('"', '\\', ',', ';', '=', ' ', 'for=1.1.1.1', 'x', '[', '\t'),
      maxLength: 12,
    })
    fc.assert(
      fc.property(sent, fc.boolean(), (before, quoted) => {
        const own = quoted ? 'for="192.0.2.1:80";by="a\\"b, c"' : 'for=192.0.2.1'
        const request = from('10.0.0.1', { forwarded: `${before}, ${own}` })
        const options = { trustedProxies: ['10.0.0.0/8'], header: 'forwarded' }
        expect(clientIp(request, options)).toBe('192.0.2.1')
      }),
      { numRuns: 1000 },
    )
  })

  it('walks back through trusted proxies only', () => {
    const forwarded = (list: string) => from('10.0.0.1', { 'x-forwarded-for': list })
    const trustedProxies = ['10.0.0.0/8']
    expect(clientIp(forwarded('192.0.2.1'), { trustedProxies })).toBe('192.0.2.1')
    // What stands left of the client is his own invention.
    expect(clientIp(forwarded('203.0.113.7, 192.0.2.1, 10.0.0.2'), { trustedProxies })).toBe(
      '192.0.2.1',
    )
    expect(clientIp(forwarded('10.0.0.3, 10.0.0.2'), { trustedProxies })).toBe('10.0.0.3')
    expect(clientIp(forwarded('192.0.2.1, garbage'), { trustedProxies })).toBe('10.0.0.1')
    expect(clientIp(forwarded(''), { trustedProxies })).toBe('10.0.0.1')
    const named = { trustedProxies: ['loopback', 'uniquelocal'] }
    expect(clientIp(forwarded('192.0.2.1, 127.0.0.1, fd00::1'), named)).toBe('192.0.2.1')
    const hops = (trustedProxies: number) =>
      clientIp(forwarded('203.0.113.7, 192.0.2.1, 192.0.2.2'), { trustedProxies })
    expect([0, 1, 2, 3, 9].map(hops)).toEqual([
      '10.0.0.1',
      '192.0.2.2',
      '192.0.2.1',
      '203.0.113.7',
      '203.0.113.7',
    ])
  })

  it.each([
    ['for=192.0.2.60;proto=http;by=203.0.113.43', '192.0.2.60'],
    ['For="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::/56'],
    ['for=192.0.2.43, for=198.51.100.17', '198.51.100.17'],
    ['for="192.0.2.43:8080";proto="a,b;for=1.1.1.1"', '192.0.2.43'],
    ['for=192.0.2.1, for=_hidden', '10.0.0.1'],
    ['for=192.0.2.1, for=unknown', '10.0.0.1'],
    ['for=192.0.2.1, by=203.0.113.43', '10.0.0.1'],
    // What the proxy has added behind a quote without end is what counts, and nothing before it.
    ['for=198.51.100.9;x=", for=192.0.2.1', '192.0.2.1'],
    ['for=198.51.100.9;x=", for=10.0.0.2', '10.0.0.2'],
    ['for=198.51.100.9;x="\\", for="192.0.2.1:80"', '192.0.2.1'],
    ['for="198.51.100.9, for=192.0.2.1', '192.0.2.1'],
    ['"for=198.51.100.9, for=10.0.0.2', '10.0.0.2'],
    ['for=198.51.100.9, for=192.0.2.1;host="a\\", for=1.1.1.1\\""', '192.0.2.1'],
    ['for=192.0.2.1;for=198.51.100.9', '10.0.0.1'],
    ['x="a"b;for=192.0.2.1', '10.0.0.1'],
    ['for=192.0.2.1;x', '10.0.0.1'],
    ['for = 192.0.2.1 ; proto = http ;', '192.0.2.1'],
    [' , for=192.0.2.1, ,', '192.0.2.1'],
    [',', '10.0.0.1'],
    ['for="[2001:db8:cafe::17]:_port"', '2001:db8:cafe::/56'],
  ])('reads Forwarded: %s', (forwarded, key) => {
    const options = { trustedProxies: ['10.0.0.0/8'], header: 'Forwarded' }
    expect(clientIp(from('10.0.0.1', { forwarded }), options)).toBe(key)
  })

  it('reads a header with one address, where no connection is known, of so many proxies', () => {
    const request = new Request('http://x', { headers: { 'cf-connecting-ip': '192.0.2.1' } })
    const header = 'CF-Connecting-IP'
    expect(clientIp(request, { trustedProxies: 1, header })).toBe('192.0.2.1')
    // A list says which connections to believe, and there is none here.
    expect(clientIp(request, { trustedProxies: ['10.0.0.0/8'], header })).toBe('')
  })

  it('knows what runtimes hand to a fetch handler', () => {
    const request = new Request('http://x')
    expect(clientIp(request)).toBe('')
    expect(clientIp(request, {}, { remoteAddr: { hostname: '192.0.2.1' } })).toBe('192.0.2.1')
    const bun = { requestIP: (of: Request) => (of === request ? { address: '::1' } : null) }
    expect(clientIp(request, {}, bun)).toBe('::/56')
    expect(clientIp({ req: { raw: request }, env: { server: bun } })).toBe('::/56')
    expect(clientIp(request, {}, { remoteAddr: { transport: 'unix', path: '/s' } })).toBe('')
    for (const odd of [null, 7, {}, { remoteAddr: null }, { server: null }, { incoming: {} }]) {
      expect(clientIp(request, {}, odd)).toBe('')
    }
    const node = { incoming: from('192.0.2.3') }
    expect(clientIp(request, {}, node)).toBe('192.0.2.3')
    expect(clientIp({ req: { raw: request }, env: bun })).toBe('::/56')
  })

  it.each([
    [{ trustedProxies: -1 }, 'trustedProxies'],
    [{ trustedProxies: true as unknown as number }, 'trustedProxies'],
    [{ trustedProxies: ['10.0.0.0/33'] }, "'10.0.0.0/33'"],
    [{ trustedProxies: ['example.com'] }, "'example.com'"],
    [{ header: 'x-real-ip' }, 'header'],
    [{ ipv6Prefix: 0 }, 'ipv6Prefix'],
    [{ ipv6Prefix: 129 }, 'ipv6Prefix'],
  ])('%j is refused by name', (options, named) => {
    expect(() => clientIp(from('192.0.2.1'), options)).toThrow(named)
  })

  it('agrees with Express on who sent a request', async () => {
    const trusted = ['loopback', '10.0.0.0/8', '2001:db8::/32', '192.0.2.77']
    const options = { trustedProxies: trusted, ipv6Prefix: 128 }
    const app = express()
    app.set('trust proxy', trusted)
    app.get('/', (req, res) => {
      res.json([req.ip, clientIp(req, options)])
    })
    const server = createServer(app)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const address = fc.constantFrom(
      ...['10.1.2.3', '10.255.0.1', '11.0.0.1', '192.0.2.77', '192.0.2.78', '127.9.9.9'],
      ...['2001:db8::1', '2001:db8:ffff::1', '2001:db9::1', '::1', '198.51.100.1'],
    )
    await fc.assert(
      fc.asyncProperty(fc.array(address, { maxLength: 6 }), async (list) => {
        const headers = list.length === 0 ? {} : { 'x-forwarded-for': list.join(', ') }
        const [theirs, ours] = (await (await fetch(url, { headers })).json()) as string[]
        expect(ours).toBe(theirs)
      }),
      { numRuns: 200 },
    )
    server.closeAllConnections()
    server.close()
  })
})
