// The dashboard, as its page shows it.
import { createServer } from 'node:http'
import { CircuitBreaker, LimiterFactory, QueueFactory } from 'aioflux'
import { dashboard } from 'aioflux/dashboard'

const send = async (mail: string) => mail.length
const api = LimiterFactory.tokenBucket({ rate: 100, per: '1m', name: 'api' })
const mails = QueueFactory.fifo({ name: 'mails', handler: send })
const gateway = new CircuitBreaker({ name: 'gateway' })

// #region serve
const flow = dashboard({
  limiters: [api],
  queues: [mails],
  breakers: [gateway],
  title: 'shop-prod',
  access: (request) =>
    request.headers.authorization === `Bearer ${process.env['OPS_TOKEN']}` && {
      may: 'all',
      user: 'nika',
    },
})

const server = createServer(flow.handler).listen(0, '127.0.0.1')
// app.use('/flow', flow.handler)                              Express, Connect
// app.all('/flow/*', (c) => flow.fetch(c.req.raw))            Hono, Bun, Deno: with basePath: '/flow'
// await fastify.register(flow.plugin, { prefix: '/flow' })    Fastify
// #endregion

const page = await flow.fetch(new Request('http://127.0.0.1/'))
console.log(page.status) // => 401
await flow.close()
server.close()
await mails.stop()
