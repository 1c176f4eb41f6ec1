// What README and docs/http.md show.
// biome-ignore-all assist/source/organizeImports: each part has its own.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
// #region express
import express from 'express'
import { LimiterFactory } from 'aioflux'
import { rateLimitMiddleware } from 'aioflux/http'
// #endregion
// #region polite
import { politeFetch } from 'aioflux/http'
// #endregion
import { clientIp } from 'aioflux/http'
// #region standing
import type { RateLimited } from 'aioflux/http'

// #endregion

// #region express
const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1m', name: 'api' })

const app = express()
app.use(rateLimitMiddleware(limiter)) // each address by itself, IPv6 by its network
// app.use(rateLimitMiddleware(limiter, { key: (req) => req.user.id }))    each user by itself, after your login
// #endregion
app.get('/', (_, response) => void response.send('hello'))

const server = createServer(app).listen(0, '127.0.0.1')
await new Promise((ready) => server.once('listening', ready))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
console.log((await fetch(url)).status) // => 200
await limiter.block('127.0.0.1', '2s')
console.log((await fetch(url)).status) // => 429

// #region polite
const polite = politeFetch() // waits as servers say, all calls together
const response = await polite(url)
// #endregion
console.log(response.status) // => 200
server.close()

{
  const app = express()
  // #region key
  app.use(
    rateLimitMiddleware(limiter, {
      key: (req) => String(req.headers['x-api-key'] ?? clientIp(req)),
      cost: (req) => (req.url?.startsWith('/search') ? 5 : 1),
      skip: (req) => req.url === '/health',
    }),
  )
  // #endregion
}

{
  const app = express()
  // #region parts
  const perUser = LimiterFactory.tokenBucket({ rate: 100, per: '1m', name: 'per user' })
  const tokens = LimiterFactory.tokenBucket({ rate: 50_000, per: '1d', name: 'tokens' })
  const atOnce = LimiterFactory.concurrency({ limit: 50, name: 'at once' })
  app.use(
    rateLimitMiddleware([
      { limiter: perUser, key: (req) => String(req.headers['x-user'] ?? clientIp(req)) },
      {
        limiter: tokens,
        key: (req) => String(req.headers['x-team'] ?? clientIp(req)),
        cost: (req) => Math.ceil(Number(req.headers['content-length'] ?? 4000) / 4), // about 4 bytes a token
      },
      { limiter: atOnce, key: () => '' }, // in all
    ]),
  )
  // #endregion
  // #region standing
  app.get('/', (req, res) => {
    const { rateLimit } = req as RateLimited
    res.send(`${rateLimit?.remaining} left`)
  })
  // #endregion
  const server = app.listen(0)
  const { port } = server.address() as AddressInfo
  const headers = { 'x-user': 'ann', 'x-team': 'red' }
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers })
  console.log(await answer.text(), (await tokens.peek('red')).remaining) // => 49 left 49000
  server.close()
}

{
  const app = express()
  const own = { 'x-forwarded-for': '203.0.113.7, 10.0.0.2', 'cf-connecting-ip': '203.0.113.8' }
  const from = (headers: object) => ({ headers, socket: { remoteAddress: '10.0.0.1' } })
  // #region proxies
  const behind = { trustedProxies: ['10.0.0.0/8'] } // addresses, networks, 'loopback', 'uniquelocal', 'linklocal'
  const oneHop = { trustedProxies: 1, header: 'forwarded' } // or how many stand in front; RFC 7239
  const edge = { trustedProxies: 1, header: 'cf-connecting-ip' } // or a header that names one address

  app.use(rateLimitMiddleware(limiter, { key: (req) => clientIp(req, behind) }))
  // #endregion
  console.log(clientIp(from(own), behind)) // => 203.0.113.7
  console.log(clientIp(from({ forwarded: 'for=203.0.113.9' }), oneHop)) // => 203.0.113.9
  console.log(clientIp(from(own), edge)) // => 203.0.113.8
}
