import { politeFetch } from 'aioflux/http'
import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const NOW = Date.parse('2026-11-28T18:00:00Z')

/** Seconds for which the next call would have to wait after an answer with `headers`; 0 when it goes at once. */
async function waitAfter(headers: Record<string, string>, status = 200, options = {}) {
  const clock = new ManualClock()
  clock.setWall(NOW)
  const date = new Date(NOW).toUTCString()
  const fetch = async () => new Response('', { status, headers: { date, ...headers } })
  const backoff = { jitter: 'none', baseDelay: 7 } as const
  const polite = politeFetch({
    clock,
    timeout: '1ms',
    retries: 0,
    jitter: 0,
    fetch,
    backoff,
    ...options,
  })
  await polite('http://upstream.test/')
  return polite('http://upstream.test/').then(
    () => 0,
    (error: { retryAfter: number }) => error.retryAfter,
  )
}

/** The same time as `Retry-After` and in the fields that tell of a reset. */
async function timed(text: string) {
  const after = await waitAfter({ 'retry-after': text }, 429)
  const reset = await waitAfter({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': text }, 429)
  return [after, reset]
}

describe('what is left', () => {
  it.each([
    ['-1', '2'],
    ['-0', '2'],
    ['-3.5', '2'],
    ['-1, 5', '2, 1'],
  ])('a remaining of %s is nothing', async (remaining, reset) => {
    const families = ['x-ratelimit', 'ratelimit', 'x-rate-limit']
    for (const family of families) {
      const headers = { [`${family}-remaining`]: remaining, [`${family}-reset`]: reset }
      expect(await waitAfter(headers)).toBe(2)
    }
  })

  it.each(['"d";r=-1;t=2', 'limit=10, remaining=-1, reset=2'])(
    'a RateLimit of %s is nothing',
    async (ratelimit) => {
      expect(await waitAfter({ ratelimit })).toBe(2)
    },
  )
})

describe('times', () => {
  const at = (seconds: number, perSecond: number) =>
    String(BigInt(NOW / 1000 + seconds) * BigInt(perSecond))
  it.each([
    ['30', 30],
    [' 30 ', 30],
    ['1.5', 1.5],
    ['0.25', 0.25],
    [at(30, 1), 30],
    [`${at(30, 1)}.5`, 30.5],
    [at(30, 1e3), 30],
    [at(30, 1e6), 30],
    [at(30, 1e9), 30],
    ['Sat, 28 Nov 2026 18:00:30 GMT', 30],
    ['Saturday, 28-Nov-26 18:00:30 GMT', 30],
    ['Sat Nov 28 18:00:30 2026', 30],
    ['28 Nov 2026 18:00:30 GMT', 30],
    ['Sat, 28 Nov 2026 19:00:30 +0100', 30],
    ['2026-11-28T18:00:30Z', 30],
    ['2026-11-28T18:00:30.500Z', 30.5],
    ['2026-11-28 18:00:30', 30],
    ['2026-11-28T13:00:30-05:00', 30],
    // Longer than any pause.
    ['999999999', 3600],
    ['86400', 3600],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 3600],
    ['9999-12-31T23:59:59Z', 3600],
    [at(86_400, 1e3), 3600],
  ])('%s is in %d s', async (text, seconds) => {
    for (const wait of await timed(text)) expect(wait).toBeCloseTo(seconds, 3)
  })

  it.each([
    ...['', '-5', 'soon', '1e3', '0x10', 'Infinity', 'NaN', '9'.repeat(400), '1 2', '30s', '--'],
    ...[
      'Sat, 31 Feb 2026 18:00:30 GMT',
      'Sat, 28 Foo 2026 18:00:30 GMT',
      '28 Nov 2026',
      'Sat, 28 Nov 2026 25:00:00 GMT',
    ],
    ...['Sat, 28 Nov 2026 18:00:30 XYZ', '2026-13-01T00:00:00Z', 'a'.repeat(9999)],
  ])('%j says nothing: the own delay counts', async (text) => {
    expect(await timed(text)).toEqual([7, 7])
  })

  it('a moment that has passed is now; refused with such a reset is refused without a word', async () => {
    for (const text of [at(-30, 1), at(-30, 1e3), 'Sat Nov 28 17:00:00 2026', '0']) {
      expect(await timed(text)).toEqual([0, 7])
    }
  })

  it('nothing closes an origin for longer than maxPause, whatever comes', async () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'0123456789.-+eE:, TZ'), maxLength: 30 }),
      fc.integer({ min: 0 }).map(String),
      fc.bigInt({ min: 0n, max: 10n ** 40n }).map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    )
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom(200, 403, 429, 503), async (value, status) => {
        const headers = {
          'retry-after': value,
          ratelimit: `"a";r=0;t=${value}`,
          'x-ratelimit-remaining': '0',
          'x-ratelimit-reset': value,
        }
        const wait = await waitAfter(headers, status, {
          maxPause: '10m',
          jitter: 1,
          random: () => 1,
        })
        expect(wait).toBeGreaterThanOrEqual(0)
        expect(wait).toBeLessThanOrEqual(600)
      }),
      { numRuns: 300 },
    )
  })

  it('maxPause bounds what is left, too', async () => {
    const clock = new ManualClock()
    const ratelimit = '"a";r=1;t=99999999'
    const fetch = async () => new Response('', { headers: { ratelimit } })
    const polite = politeFetch({ clock, fetch, timeout: '2h', jitter: 0 })
    await polite('http://upstream.test/')
    const both = Promise.all([polite('http://upstream.test/'), polite('http://upstream.test/')])
    for (let i = 0; i < 4; i++) await clock.advanceAsync('1h')
    expect((await both).length).toBe(2)
  })

  it('maxPause is refused by name', () => {
    for (const maxPause of [0, -1, 'long', null]) {
      expect(() => politeFetch({ maxPause } as never)).toThrow('maxPause must')
    }
  })
})

describe('which field counts', () => {
  const used = { ratelimit: '"a";r=0;t=300' }
  const old = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '30' }
  it.each<[string, Record<string, string>, number, number]>([
    ['Retry-After before RateLimit', { ...used, 'retry-after': '5' }, 429, 5],
    ['also where it is longer', { ratelimit: '"a";r=0;t=5', 'retry-after': '300' }, 429, 300],
    ['also of an answer that is good', { ...used, 'retry-after': '5' }, 200, 5],
    ['before the fields of old', { ...old, 'retry-after': '5' }, 503, 5],
    ['RateLimit where Retry-After cannot be read', { ...used, 'retry-after': 'soon' }, 429, 300],
    ['not Retry-After of an answer that is good', { 'retry-after': '5' }, 202, 0],
    ['Retry-After of 403', { 'retry-after': '5' }, 403, 5],
    ['not 403 alone', {}, 403, 0],
    ['nor with one that cannot be read', { 'retry-after': 'soon' }, 403, 0],
    ['the longest of several', { 'retry-after': '5, 9' }, 429, 9],
    ['draft 7 in another order', { ratelimit: 'limit=9, reset=30, remaining=0' }, 200, 30],
    [
      'with members and types nobody knows',
      { ratelimit: 'x=@1, reset=30, y=(1 2);z, remaining=0, w=%"a"' },
      200,
      30,
    ],
    [
      'with parameters nobody knows',
      { ratelimit: '"a";x=:YQ==:;r=0;t=30;u=@1;v=%"f%c3%bc";w' },
      200,
      30,
    ],
    [
      'members without numbers skipped',
      { ratelimit: '"b", (1 2), "a";r=0;t=30, c;r="0";t=9' },
      200,
      30,
    ],
    ['t as a moment', { ratelimit: `"a";r=0;t=${NOW / 1000 + 30}` }, 200, 30],
    ['the old fields where RateLimit cannot be read', { ...old, ratelimit: '"a";r=0;t=' }, 200, 30],
    ['the old fields where RateLimit has no numbers', { ...old, ratelimit: '"a"' }, 200, 30],
    [
      'one family where another cannot be read',
      { ...old, 'ratelimit-remaining': 'x', 'ratelimit-reset': '9' },
      200,
      30,
    ],
    ['two of one name', { 'x-ratelimit-remaining': '5, 0', 'x-ratelimit-reset': '9, 30' }, 200, 30],
    [
      'Retry-After beside a RateLimit without end',
      { ratelimit: 'a,'.repeat(1e5), 'retry-after': '5' },
      429,
      5,
    ],
    [
      'nothing of a field without end',
      { ratelimit: `${'"a";r=0;t=300,'.repeat(5000)}"b"` },
      200,
      0,
    ],
    ['nothing of what a cache has answered', { ...used, age: '30' }, 200, 0],
    ['nor its Retry-After', { 'retry-after': '30', age: '1' }, 429, 7],
    ['but of what a cache has just fetched', { ...used, age: '0' }, 200, 300],
    ['and of an Age that is none', { ...used, age: 'old' }, 200, 300],
  ])('%s', async (_name, headers, status, seconds) => {
    expect(await waitAfter(headers, status)).toBe(seconds)
  })
})

it('403 with Retry-After is tried again, whatever the method; 403 alone is not', async () => {
  for (const [headers, count] of [
    [{ 'retry-after': '0' }, 3],
    [{}, 1],
  ] as const) {
    let sent = 0
    const fetch = async () => {
      sent += 1
      return new Response('', { status: 403, headers })
    }
    const clock = new ManualClock()
    const polite = politeFetch({ fetch, clock, jitter: 0 })
    const answered = polite('http://upstream.test/', { method: 'POST', body: 'x' })
    for (let i = 0; i < 5; i++) await clock.advanceAsync('1s')
    await answered
    expect(sent).toBe(count)
  }
})
