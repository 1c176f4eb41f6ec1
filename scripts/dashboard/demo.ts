// `npm run demo:dashboard`: a dashboard with generated traffic: a limit under attack, a breaker that opens, a queue that backs up.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dashboard } from 'aioflux/dashboard'
import { scene } from './scene.ts'

const { parts, stop } = scene()
const flow = dashboard({
  ...parts,
  title: 'shop-demo',
  history: '24h',
  access: () => ({ may: 'all', user: 'nika' }),
  show: (job) => JSON.stringify(job.item, null, 2),
})
const server = createServer(flow.handler)
server.listen(Number(process.env['PORT'] ?? 9465), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
})
process.once('SIGINT', () => {
  stop()
  void flow.close()
  server.closeAllConnections()
  server.close()
  process.exit()
})
