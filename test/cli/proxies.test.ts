import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { checkProxies } from '../../src/cli/doctor/proxies.ts'
import { run } from '../../src/cli/run.ts'
import { clientIp } from '../../src/http/client-ip.ts'

const check = (address: string, headers: Record<string, string> = {}) =>
  checkProxies({ address, headers })

/** The options of `clientIp` that the advice of a check names. */
function advised(change: string | null): object {
  const [, options] = /clientIp\(req, (\{.*?\})\)/.exec(String(change)) ?? []
  return new Function(`return ${options}`)() as object
}

describe('aioflux doctor --proxies', () => {
  it.each([
    ['10.0.0.2', { 'x-forwarded-for': '203.0.113.7' }],
    ['::ffff:10.0.0.2', { 'x-forwarded-for': '203.0.113.7, 10.0.0.3' }],
    ['127.0.0.1', { 'x-forwarded-for': '198.51.100.9, 203.0.113.7, 10.0.0.3, 172.16.0.1' }],
    ['10.0.0.2', { forwarded: 'for=203.0.113.7;proto=https, for=10.0.0.3' }],
    ['10.0.0.2', { forwarded: 'for="[2001:db8:1:2::7]:443"' }],
    ['fd00::2', { 'x-forwarded-for': '203.0.113.7' }],
  ])('from %s with %j: what it advises finds the client', (address, headers) => {
    const { level, found, change } = check(address, headers)
    const [, client = ''] = /the client is (.+)$/.exec(found) ?? []
    expect(level).toBe('warning')
    expect(client).toMatch(/^203\.0\.113\.7$|2001:db8:1:2::7/)
    const source = { headers, socket: { remoteAddress: address } }
    const key = clientIp({ headers: {}, socket: { remoteAddress: client } })
    expect(clientIp(source, advised(change))).toBe(key)
  })

  it('a request without a proxy is ok', () => {
    expect(check('203.0.113.7')).toEqual({
      check: 'proxies',
      level: 'ok',
      found: 'none: the request came from 203.0.113.7',
      change: null,
    })
  })

  it.each([
    ['10.0.0.2', {}, /no header names the client/, /let the proxy add X-Forwarded-For/],
    ['203.0.113.9', { 'x-forwarded-for': '203.0.113.7' }, /from 203/, /published networks/],
    ['10.0.0.2', { 'x-forwarded-for': '10.0.0.9' }, /no client is named/, /from outside/],
    ['10.0.0.2', { 'x-forwarded-for': '\u001b[2J' }, /: \?: no client is named/, /from outside/],
  ])('from %s with %j it says what is missing', (address, headers, found, change) => {
    const said = check(address, headers)
    expect(said.level).toBe('warning')
    expect(said.found).toMatch(found)
    expect(said.change).toMatch(change)
  })

  it('sees one request that a real proxy forwards', async () => {
    const lines: string[] = []
    let listening: (port: number) => void = () => {}
    const port = new Promise<number>((resolve) => {
      listening = resolve
    })
    const stderr = {
      write: (text: string) => listening(Number(/port (\d+)/.exec(text)?.[1])),
    }
    const stdout = { write: (text: string) => lines.push(text) }
    const terminal = { stdin: (async function* () {})(), stdout, stderr, env: {} }
    const done = run(['doctor', '--proxies', '0', '--json'], terminal)
    const target = await port
    const proxy = createServer((req, res) => {
      const headers = { ...req.headers, 'x-forwarded-for': '203.0.113.7' }
      httpRequest({ port: target, host: '127.0.0.1', headers }, (answer) => answer.pipe(res)).end()
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const answer = await fetch(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}/`)
    expect(await answer.text()).toBe('aioflux doctor has seen this request.\n')
    expect(await done).toBe(0)
    proxy.close()
    const { checks } = JSON.parse(lines.join('')) as { checks: { check: string; found: string }[] }
    expect(checks.find((one) => one.check === 'proxies')?.found).toBe(
      'from 127.0.0.1, x-forwarded-for: 203.0.113.7: the client is 203.0.113.7',
    )
  })

  it('says that no request came', () => {
    expect(checkProxies(undefined)).toMatchObject({ level: 'fault', check: 'proxies' })
  })
})
