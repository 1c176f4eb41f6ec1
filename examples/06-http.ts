// Limits in HTTP: a server that guards itself, and a client that keeps to what it is told.
// Run it: npx tsx examples/06-http.ts
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LimiterFactory } from 'aioflux'
import { clientIp, politeFetch, rateLimitFetch, rateLimitMiddleware } from 'aioflux/http'

// A server of node:http. In Express and Connect it is `app.use(guard)`.
const burst = LimiterFactory.tokenBucket({ rate: 3, per: '1m', name: 'burst' })
const limiter = LimiterFactory.composite(
  burst,
  LimiterFactory.slidingWindow({ rate: 1000, per: '1h', name: 'hourly' }),
)
const guard = rateLimitMiddleware(limiter)
let served = 0
const server = createServer(async (req, res) => {
  if (!(await guard(req, res))) return
  served += 1
  res.end('hello')
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const first = await fetch(url)
console.log(first.headers.get('ratelimit-policy')) // => "burst";q=3;w=60, "hourly";q=1000;w=3600
console.log(first.headers.get('ratelimit')) // => "burst";r=2;t=20, "hourly";r=999;t=3600

await Promise.all([fetch(url), fetch(url)])
const refused = await fetch(url)
console.log(refused.status, refused.headers.get('retry-after')) // => 429 …
const problem = (await refused.json()) as { 'violated-policies': string[] }
console.log(problem['violated-policies']) // => [ 'burst' ]

// A client that waits as it is told: the callers see no 429. Three a second from now on, so that no call waits for long.
await burst.reconfigure({ per: '1s' })
const polite = politeFetch()
const statuses = await Promise.all(
  Array.from({ length: 4 }, async () => (await polite(url)).status),
)
console.log(statuses.join(' ')) // => 200 200 200 200
console.log(`served: ${served}`) // => served: 7
server.close()

// A fetch handler, as Deno, Bun, Cloudflare and Hono run it. Behind two proxies of ours, by the address they tell.
const behind = { trustedProxies: ['10.0.0.0/8'], ipv6Prefix: 64 }
const handler = rateLimitFetch(LimiterFactory.fixedWindow({ rate: 1, per: '1m' }), {
  key: (request, connection) => clientIp(request, behind, connection),
})(() => new Response('hello'))
const from = async (address: string) => {
  const headers = { 'x-forwarded-for': `${address}, 10.0.0.2` }
  return (await handler(new Request(url, { headers }), '10.0.0.1')).status
}
console.log(await from('2001:db8::1')) // => 200
console.log(await from('2001:db8::2'), 'the same network') // => 429 the same network
console.log(await from('2001:db8:1::1')) // => 200
