// `npm run docs:shots`: takes the pictures of docs/dashboard.md of the page itself, with the traffic of the demo.
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { dashboard } from 'aioflux/dashboard'
import type { Page } from 'playwright-core'
import { launch } from './browser.ts'
import { scene } from './dashboard/scene.ts'

const folder = fileURLToPath(new URL('../docs/dashboard/', import.meta.url))
/** How long the traffic runs before the first picture: half of it without trouble, so that there is a usual range. */
const SECONDS = Number(process.env['SHOTS_SECONDS'] ?? 300)

// What runs in the browser, as text: the types of this folder are those of Node.
const TO_WEBP = `async (png) => {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0))
  const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
  const canvas = new OffscreenCanvas(image.width, image.height)
  canvas.getContext('2d').drawImage(image, 0, 0)
  const blob = await canvas.convertToBlob({ type: 'image/webp', quality: 0.8 })
  const webp = new Uint8Array(await blob.arrayBuffer())
  return btoa(Array.from(webp, (byte) => String.fromCharCode(byte)).join(''))
}`

const { parts, trouble, stop } = scene(false)
const flow = dashboard({
  ...parts,
  title: 'shop-demo',
  history: '24h',
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
/** A job that has died, as the list of them says. */
const { jobs } = (await (await fetch(`${url}api/queues/receipts/jobs?state=dead`)).json()) as {
  jobs: { id: string }[]
}
const views = [
  'now',
  'limiters/api/keys/203.0.113.7',
  'queues/receipts',
  `queues/receipts/jobs/${jobs[0]?.id}`,
  'breakers',
  'schedules',
  'locks',
  'processes',
]
// What if: other numbers for the limit under attack, judged on the calls that come meanwhile.
await fetch(`${url}api/limiters/api/whatif`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ quota: { rate: 200, per: '1m', burst: 100 } }),
})
for (const colorScheme of ['light', 'dark'] as const) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1440, height: 900 } })
  for (const view of views) {
    await page.goto(`${url}#/${view}`)
    await page.waitForSelector('main h1')
    await sleep(view.startsWith('limiters') ? 6000 : 2500)
    const name = view.includes('/jobs/') ? 'job' : view.split('/')[0]
    await shoot(page, `${name}-${colorScheme}`, true)
  }
  await page.close()
  const phone = await browser.newPage({ viewport: { width: 390, height: 844 }, colorScheme })
  await phone.goto(`${url}#/now`)
  await phone.waitForSelector('main h1')
  await sleep(2500)
  await shoot(phone, `phone-${colorScheme}`, false)
  await phone.close()
}
await browser.close()
stop()
await flow.close()
server.closeAllConnections()
process.exit()

/** Writes a picture of a page as WebP, less than half of a PNG: the pictures are most of what npm would publish. */
async function shoot(page: Page, name: string, fullPage: boolean): Promise<void> {
  const png = (await page.screenshot({ fullPage })).toString('base64')
  const webp = (await page.evaluate(`(${TO_WEBP})('${png}')`)) as string
  writeFileSync(`${folder}${name}.webp`, Buffer.from(webp, 'base64'))
}
