import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import type { Browser, Page } from 'playwright-core'

const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.webp': 'image/webp',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

/** A folder, served on this machine as any static web server would serve it. */
export interface ServedFolder {
  /** `http://127.0.0.1:1234`, without a slash at the end. */
  origin: string
  /** Every page of the folder, as a path: `/ru/plans.html`. */
  pages: string[]
  close(): Promise<void>
}

/** Serves a folder of static files on a free port of this machine. */
export async function serveFolder(folder: string): Promise<ServedFolder> {
  const server = createServer((req, res) => {
    const path = decodeURI(new URL(req.url ?? '/', 'http://localhost').pathname)
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path)
    if (!existsSync(file) || !statSync(file).isFile()) {
      res.writeHead(404).end()
      return
    }
    res.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' })
    createReadStream(file).pipe(res)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const pages = (readdirSync(folder, { recursive: true }) as string[])
    .filter((path) => path.endsWith('.html') && path !== '404.html')
    .map((path) => `/${path.replaceAll('\\', '/')}`)
    .sort()
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pages,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A page of the folder, made ready to be looked at: each fault that the browser tells is added to `faults`. */
export async function watchedPage(
  browser: Browser,
  { origin }: ServedFolder,
  faults: string[],
): Promise<Page> {
  const context = await browser.newContext()
  const page = await context.newPage()
  const tell = (fault: string) =>
    faults.push(`${decodeURI(new URL(page.url()).pathname)}: ${fault}`)
  page.on('pageerror', (error) => tell(`throws: ${error.message}`))
  page.on('console', (message) => {
    // What did not load is told with its address, below.
    const text = message.text()
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) {
      tell(`console: ${text}`)
    }
  })
  page.on('response', (response) => {
    if (response.status() >= 400) tell(`${response.status()} for ${response.url()}`)
  })
  page.on('requestfailed', (request) => {
    // A prefetch that the next page cuts off is no fault.
    const { errorText } = request.failure() ?? {}
    if (errorText !== 'net::ERR_ABORTED') tell(`${errorText} for ${request.url()}`)
  })
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) tell(`asks elsewhere: ${url}`)
  })
  return page
}

// What runs in the browser, as text: the types of this folder are those of Node.
const MOUNTED = `!document.querySelector('#app') || '__vue_app__' in document.querySelector('#app')`
const IDS = `[...document.querySelectorAll('[id]')].map(({ id }) => id)`
const LINKS = `[...document.querySelectorAll('a[href]')].map(({ href }) => href)`

/** What the browser found on one page once its scripts had run. */
interface Seen {
  ids: Set<string>
  links: string[]
}

/**
 * Loads every page of a served folder in a real browser, and says what is wrong: an error on the console, an exception, a request to
 * elsewhere, and a link to a page or an anchor that is not there. Links to other hosts are not followed.
 */
export async function faultsOf(browser: Browser, served: ServedFolder): Promise<string[]> {
  const faults: string[] = []
  const seen = new Map<string, Seen>()
  const waiting = [...served.pages]
  // Three at a time: a browser has that much to wait for.
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      const page = await watchedPage(browser, served, faults)
      for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
        await page.goto(served.origin + encodeURI(path), { timeout: 60_000 })
        // A page of VitePress is whole once its app has been mounted on the HTML.
        await page.waitForFunction(MOUNTED)
        seen.set(path, await readPage(page))
      }
      await page.context().close()
    }),
  )
  for (const [path, { links }] of seen) {
    for (const link of new Set(links)) {
      const fault = deadness(link, served.origin, seen)
      if (fault !== undefined) faults.push(`${path}: ${fault}`)
    }
  }
  return faults.sort()
}

async function readPage(page: Page): Promise<Seen> {
  const ids: string[] = await page.evaluate(IDS)
  const links: string[] = await page.evaluate(LINKS)
  return { ids: new Set(ids), links }
}

/** Why a link leads nowhere; `undefined` when it leads somewhere or to another host. */
function deadness(link: string, origin: string, seen: Map<string, Seen>): string | undefined {
  const { origin: to, pathname, hash } = new URL(link)
  if (to !== origin) return undefined
  const path = decodeURI(pathname.replace(/\/$/, '/index.html'))
  const target = seen.get(path)
  const shown = decodeURI(`${pathname}${hash}`)
  if (target === undefined) return `dead link ${shown}`
  const anchor = decodeURIComponent(hash.slice(1))
  if (anchor !== '' && !target.ids.has(anchor)) return `dead anchor ${shown}`
  return undefined
}
