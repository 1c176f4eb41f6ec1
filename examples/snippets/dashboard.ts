// The dashboard, as its page shows it.
// biome-ignore-all assist/source/organizeImports: each part has its own.
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CircuitBreaker, LimiterFactory, QueueFactory } from 'aioflux'
// #region serve
import { createServer } from 'node:http'
import { dashboard } from 'aioflux/dashboard'

// #endregion

const send = async (mail: string) => mail.length
const api = LimiterFactory.tokenBucket({ rate: 100, per: '1m', name: 'api' })
const mails = QueueFactory.fifo({ name: 'mails', handler: send })
const gateway = new CircuitBreaker({ name: 'gateway' })
const port = 0
const sessions = new Map([
  ['session=1', { name: 'nika', isOperator: true }],
  ['session=2', { name: 'ann', isOperator: false }],
])
const sessionOf = async ({ headers }: IncomingMessage) => sessions.get(headers.cookie ?? '')

// #region serve
const flow = dashboard({
  limiters: [api], // your parts
  queues: [mails],
  breakers: [gateway],
  title: 'shop-prod',
  access: async (request) => {
    const user = await sessionOf(request) // of your app: who is logged in, by the cookie
    return user?.isOperator === true && { may: 'all', user: user.name }
  },
})

const server = createServer(flow.handler).listen(port, '127.0.0.1')
// app.use('/flow', flow.handler)                              Express, Connect
// app.all('/flow/*', (c) => flow.fetch(c.req.raw))            Hono, Bun, Deno: with basePath: '/flow'
// await fastify.register(flow.plugin, { prefix: '/flow' })    Fastify
// #endregion

await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
const status = async (headers: Record<string, string>) => (await fetch(url, { headers })).status
console.log(await status({})) // => 401
console.log(await status({ cookie: 'session=2' })) // => 403
console.log(await status({ cookie: 'session=1' })) // => 200
server.close()
server.closeAllConnections()
await flow.close()

process.env['OPS_TOKEN'] = 'secret'
{
  // #region token
  const token = process.env['OPS_TOKEN']
  if (!token) throw new Error('OPS_TOKEN is not set') // else `Bearer undefined` would open the page

  const flow = dashboard({
    queues: [mails],
    access: ({ headers }) =>
      headers.authorization === `Bearer ${token}` && { may: 'all', user: 'deploy' },
  })
  // #endregion
  const server = createServer(flow.handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const call = (path: string, init?: RequestInit, bearer = token) =>
    fetch(`http://127.0.0.1:${port}/api/${path}`, {
      ...init,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    })
  console.log((await call('state', {}, 'undefined')).status) // => 403
  const state = (await (await call('state')).json()) as { queues: Record<string, unknown> }
  console.log(Object.keys(state.queues)) // => [ 'mails' ]
  const act = { method: 'POST', body: '{"reason":"deploy 4.2"}' }
  console.log((await call('queues/mails/pause', act)).status) // => 200
  server.close()
  server.closeAllConnections()
  await flow.close()
}
mails.resume()
await mails.stop()
