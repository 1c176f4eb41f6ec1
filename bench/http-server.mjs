// One app of bench/http.mjs, as a process of its own: node bench/http-server.mjs express aioflux. Tells its port, and ends
// with its parent.
import { createServer } from 'node:http'
import fastifyRateLimit from '@fastify/rate-limit'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import fastify from 'fastify'
import { rateLimitMiddleware, rateLimitPlugin } from '../dist/http/index.js'
import { LimiterFactory } from '../dist/index.js'

const [framework, guard, state] = process.argv.slice(2)
// So high that no call is denied, or so low that nearly all are.
const limit = state === 'denied' ? 1 : 1_000_000_000
const limiter = LimiterFactory.fixedWindow({ rate: limit, per: '10m' })

if (framework === 'express') {
  const app = express()
  if (guard === 'aioflux') app.use(rateLimitMiddleware(limiter))
  if (guard === 'express-rate-limit') {
    app.use(
      rateLimit({ windowMs: 600_000, limit, standardHeaders: 'draft-8', legacyHeaders: false }),
    )
  }
  app.get('/', (_req, res) => {
    res.send('ok')
  })
  const server = createServer(app)
  server.listen(0, '127.0.0.1', () => process.send(server.address().port))
} else {
  const app = fastify()
  if (guard === 'aioflux') app.register(rateLimitPlugin, { limiter })
  if (guard === '@fastify/rate-limit') {
    await app.register(fastifyRateLimit, { max: limit, timeWindow: '10 minutes' })
  }
  app.get('/', async () => 'ok')
  await app.listen({ port: 0, host: '127.0.0.1' })
  process.send(app.server.address().port)
}
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send(user + system)
})
process.on('disconnect', () => process.exit())
