// Replay and the guard: the same decisions for the same traffic.
import { type IncomingMessage, ServerResponse } from 'node:http'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientKey, v4End } from '../../src/cli/formats/client.ts'
import { clientIp } from '../../src/http/client-ip.ts'
import { rateLimitMiddleware } from '../../src/http/middleware.ts'
import { LimiterFactory } from '../../src/limiters/factory.ts'
import { MemoryStorage } from '../../src/storage/memory-storage.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { clf, command, log } from './support.ts'

const v6 = fc.ipV6()
const client = fc.oneof(
  fc.constantFrom('203.0.113.1', '198.51.100.2', '::ffff:203.0.113.1', '2001:db8:1:100::1'),
  fc.nat(0xffff).map((n) => `2001:db8:1:1${(n >> 8).toString(16).padStart(2, '0')}::${n & 255}`),
  fc.ipV4(),
  v6,
)

describe('the key ip', () => {
  it('is clientIp of the address', () => {
    fc.assert(
      fc.property(client, (remoteAddress) => {
        const expected = clientIp({ headers: {}, socket: { remoteAddress } })
        expect(clientKey(remoteAddress)).toBe(expected)
        expect(clientKey(remoteAddress)).toBe(expected)
      }),
      { numRuns: 500 },
    )
  })

  it('is clientIp behind private proxies for a list', () => {
    const trusted = { trustedProxies: ['loopback', 'linklocal', 'uniquelocal'] }
    const inside = fc.constantFrom('10.0.0.1', '192.168.1.1', '127.0.0.1', 'fc00::1')
    const entry = fc.oneof(client, inside, fc.constant('unknown'))
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 4 }),
        inside,
        (entries, remoteAddress) => {
          const source = {
            headers: { 'x-forwarded-for': entries.join(', ') },
            socket: { remoteAddress },
          }
          const list = [...entries, remoteAddress].join(', ')
          expect(clientKey(list)).toBe(clientIp(source, trusted))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('knows a plain IPv4 address, and where it ends', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(v4End(`${text} - -`)).toBe(text.length)
      }),
    )
    for (const text of [
      '1.2.3',
      '01.2.3.4',
      '1.2.3.256',
      '1.2.3.4444',
      '1..3.4',
      '',
      'a',
      '1.2.3.',
    ]) {
      expect(v4End(text)).toBe(-1)
    }
  })
})

it('denies what the middleware denies', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ gap: fc.nat(20), client: fc.oneof(client, fc.constant('203.0.113.1')) }),
        {
          minLength: 1,
          maxLength: 60,
        },
      ),
      async (steps) => {
        const clock = new ManualClock()
        const storage = new MemoryStorage({ clock })
        const limiter = LimiterFactory.tokenBucket({ rate: 3, per: '1m', storage })
        const guard = rateLimitMiddleware(limiter)
        const lines: string[] = []
        let second = 0
        let denied = 0
        for (const { gap, client } of steps) {
          second += gap
          clock.advance(gap)
          lines.push(clf(second, client))
          denied += isLetThrough(guard, client) ? 0 : 1
        }
        const { stdout } = await command(['replay', '-', '--limit', '3/1m', '--json'], {
          stdin: log(...lines),
        })
        expect(JSON.parse(stdout)).toMatchObject({ requests: steps.length, denied })
      },
    ),
    { numRuns: 40 },
  )
})

type Guard = ReturnType<typeof rateLimitMiddleware>

/** Sends one request through the middleware, without a server. */
function isLetThrough(guard: Guard, remoteAddress: string): boolean {
  let passed = false
  const req = { method: 'GET', url: '/', headers: {}, socket: { remoteAddress } }
  const res = new ServerResponse(req as unknown as IncomingMessage)
  // It answers at once, over memory.
  guard(req as never, res, () => {
    passed = true
  })
  return passed
}
