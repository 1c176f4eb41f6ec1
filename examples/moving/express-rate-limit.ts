// The same limits with express-rate-limit and with aioflux.
// biome-ignore-all assist/source/organizeImports: each part has its own.
import type { AddressInfo } from 'node:net'
import express, { type RequestHandler } from 'express'
// #region before
import { rateLimit } from 'express-rate-limit'
// #endregion
// #region after
import { LimiterFactory } from 'aioflux'
import { rateLimitMiddleware } from 'aioflux/http'
// #endregion
// #region plans-after
import { clientIp } from 'aioflux/http'

// #endregion

const isInternal = (agent: unknown) => agent === 'probe'

{
  // #region before
  const limit = rateLimit({
    windowMs: 60_000,
    limit: 2,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    identifier: 'api',
    skip: (req) => isInternal(req.get('user-agent')),
  })
  // #endregion
  console.log(await statuses(limit)) // => 200 200 429
}

{
  // #region after
  const limiter = LimiterFactory.fixedWindow({ rate: 2, per: '1m', name: 'api' })
  const limit = rateLimitMiddleware(limiter, {
    skip: (req) => isInternal(req.headers['user-agent']),
  })
  // #endregion
  console.log(await statuses(limit)) // => 200 200 429
}

{
  // #region plans-before
  const limit = rateLimit({
    windowMs: 60_000,
    limit: (req) => (req.get('x-plan') === 'pro' ? 100 : 1),
    keyGenerator: (req) => req.get('x-user') ?? '',
    handler: (_req, res) => {
      res.status(429).send('slow down')
    },
  })
  // #endregion
  console.log(await statuses(limit, { 'x-user': 'ann', 'x-plan': 'pro' })) // => 200 200 200
}

{
  // #region plans-after
  const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1m' })
  const limit = rateLimitMiddleware(limiter, {
    quota: (req) => (req.headers['x-plan'] === 'pro' ? { rate: 100, per: '1m' } : undefined),
    key: (req: express.Request) => req.get('x-user') ?? clientIp(req), // not String(undefined): one key for all
    onLimited: (_req, res) => {
      res.setHeader('Content-Type', 'text/plain')
      res.end('slow down')
    },
  })
  // #endregion
  console.log(await statuses(limit, { 'x-user': 'ann', 'x-plan': 'pro' })) // => 200 200 200
  console.log(await statuses(limit, { 'x-user': 'bob' })) // => 200 429 429
  console.log(await statuses(limit)) // => 200 429 429
  console.log((await limiter.peek('127.0.0.1')).remaining) // => 0
}

{
  // #region login-before
  const limit = rateLimit({ windowMs: 15 * 60_000, limit: 5, skipSuccessfulRequests: true })
  // #endregion
  console.log(await statuses(limit)) // => 200 200 200
}

{
  // #region login-after
  const limiter = LimiterFactory.fixedWindow({ rate: 5, per: '15m' })
  const limit = rateLimitMiddleware(limiter, { skipSuccessful: true })
  // #endregion
  console.log(await statuses(limit)) // => 200 200 200
}

/** What three requests are answered. */
async function statuses(limit: RequestHandler, headers = {}): Promise<string> {
  const app = express()
  app.use(limit)
  app.get('/', (_req, res) => void res.send('hello'))
  const server = app.listen(0, '127.0.0.1')
  await new Promise((ready) => server.once('listening', ready))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const list: number[] = []
  for (let i = 0; i < 3; i++) list.push((await fetch(url, { headers })).status)
  server.closeAllConnections()
  server.close()
  return list.join(' ')
}
