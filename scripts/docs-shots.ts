// `npm run docs:shots`: takes the pictures of docs/dashboard.md of the page itself, with the traffic of the demo.
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { dashboard } from 'aioflux/dashboard'
import { launch } from './dashboard/browser.ts'
import { scene } from './dashboard/scene.ts'

const folder = fileURLToPath(new URL('../docs/dashboard/', import.meta.url))
/** How long the traffic runs before the first picture: half of it without trouble. */
const SECONDS = Number(process.env['SECONDS'] ?? 150)

const { parts, trouble, stop } = scene(false)
const flow = dashboard({
  ...parts,
  title: 'shop-demo',
  access: () => ({ may: 'all', user: 'nika' }),
})
const server = createServer(flow.handler)
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
mkdirSync(folder, { recursive: true })
await sleep((SECONDS / 2) * 1000)
trouble()
await sleep((SECONDS / 2) * 1000)

const browser = await launch()
const views = [
  'now',
  'limiters/api/keys/203.0.113.7',
  'queues/receipts',
  'breakers',
  'schedules',
  'locks',
  'processes',
]
for (const colorScheme of ['light', 'dark'] as const) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1440, height: 900 } })
  for (const view of views) {
    await page.goto(`${url}#/${view}`)
    await page.waitForSelector('main h1')
    await sleep(view.startsWith('limiters') ? 6000 : 2500)
    const [name] = view.split('/')
    await page.screenshot({ path: `${folder}${name}-${colorScheme}.png`, fullPage: true })
  }
  await page.close()
}
const phone = await browser.newPage({ viewport: { width: 390, height: 844 }, colorScheme: 'light' })
await phone.goto(`${url}#/now`)
await phone.waitForSelector('main h1')
await sleep(2500)
await phone.screenshot({ path: `${folder}phone-light.png` })
await browser.close()
stop()
await flow.close()
server.closeAllConnections()
process.exit()
