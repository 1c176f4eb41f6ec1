import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browserPath, launch } from '../../scripts/browser.ts'
import { faultsOf, type ServedFolder, serveFolder, watchedPage } from '../../scripts/site/browse.ts'

if (browserPath === undefined) {
  console.warn('aioflux: NO BROWSER here, so the site of the documentation is NOT tested')
}

const root = fileURLToPath(new URL('../../', import.meta.url))

let browser: Browser
beforeAll(async () => {
  if (browserPath !== undefined) browser = await launch()
})
afterAll(() => browser?.close())

describe.skipIf(browserPath === undefined)('the check of the site', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aioflux-site-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  async function faultsWith(...body: string[]): Promise<string[]> {
    const html = (text: string) =>
      `<!doctype html><link rel="icon" href="data:,"><h1 id="a">${text}</h1>`
    writeFileSync(join(folder, 'index.html'), html(body.join('\n')))
    writeFileSync(join(folder, 'other.html'), html('<p id="глава">other</p>'))
    const served = await serveFolder(folder)
    try {
      return await faultsOf(browser, served)
    } finally {
      await served.close()
    }
  }

  const good =
    '<a href="#a">.</a> <a href="other.html#глава">.</a> <a href="https://example.com/">.</a>'

  it('finds nothing on pages without a fault', async () => {
    expect(await faultsWith(good)).toEqual([])
  })

  it('finds a link to a page that is not there', async () => {
    expect(await faultsWith(good, '<a href="gone.html">.</a>')).toEqual([
      '/index.html: dead link /gone.html',
    ])
  })

  it('finds an anchor that is not there, in the page and across pages', async () => {
    expect(await faultsWith('<a href="#no">.</a> <a href="/other.html#нет">.</a>')).toEqual([
      '/index.html: dead anchor /index.html#no',
      '/index.html: dead anchor /other.html#нет',
    ])
  })

  it('finds a link that a script writes', async () => {
    const script = `<script>document.body.insertAdjacentHTML('beforeend', '<a href="late.html">.</a>')</script>`
    expect(await faultsWith(script)).toEqual(['/index.html: dead link /late.html'])
  })

  it('finds a request to elsewhere, a file that is not there, an error on the console and an exception', async () => {
    const faults = await faultsWith(
      '<img src="https://elsewhere.example/a.png"><link rel="stylesheet" href="missing.css">',
      '<script>console.error("told"); setTimeout(() => { throw new Error("thrown") })</script>',
    )
    expect(faults).toEqual(
      expect.arrayContaining([
        '/index.html: asks elsewhere: https://elsewhere.example/a.png',
        '/index.html: console: told',
        expect.stringMatching(/^\/index\.html: 404 for .*\/missing\.css$/),
        '/index.html: throws: thrown',
      ]),
    )
  })
})

describe.skipIf(browserPath === undefined)('the site of the documentation', () => {
  let served: ServedFolder
  beforeAll(async () => {
    await promisify(execFile)('npm', ['run', 'docs:site'], { cwd: root })
    served = await serveFolder(join(root, '.cache/site'))
  }, 300_000)
  afterAll(() => served?.close())

  it('has every page in both languages, and the reference', () => {
    const own = served.pages.filter((path) => !/^\/(?:api|decisions|ru)\//.test(path))
    expect(own.length).toBeGreaterThan(25)
    expect(served.pages).toEqual(expect.arrayContaining(own.map((path) => `/ru${path}`)))
    expect(served.pages).toContain('/api/aioflux-redis.html')
  })

  it('loads each page without an error, asks nothing of others, and every link leads somewhere', async () => {
    expect(await faultsOf(browser, served)).toEqual([])
  }, 600_000)

  it('a page leads to the same page in the other language, the reference to the first page', async () => {
    const faults: string[] = []
    const page = await watchedPage(browser, served, faults)
    const change = () => page.locator('.VPNavBar .language-switch').click()
    await page.goto(`${served.origin}/limiters.html`)
    await change()
    await page.waitForURL(`${served.origin}/ru/limiters.html`)
    await change()
    await page.waitForURL(`${served.origin}/limiters.html`)
    expect(await page.locator('.VPNavBarTranslations').isVisible()).toBe(false)
    await page.goto(`${served.origin}/api/aioflux.html`)
    await change()
    await page.waitForURL(`${served.origin}/ru/`)
    expect(faults).toEqual([])
    await page.context().close()
  })

  describe.each([
    ['English', '/', 'token bucket', /^\/(?!ru\/)/],
    ['Russian', '/ru/', 'блокировка', /^\/ru\//],
  ])('in %s', (_, start, words, inLanguage) => {
    let page: Page
    const faults: string[] = []
    beforeAll(async () => {
      page = await watchedPage(browser, served, faults)
      await page.goto(served.origin + start)
    })
    afterAll(() => page?.context().close())

    it('the search finds a page of this language, and opens it', async () => {
      await page.locator('.VPNavBarSearch button').click()
      await page.locator('input.search-input').fill(words)
      const first = page.locator('a.result').first()
      await first.waitFor()
      expect(await first.textContent()).toMatch(new RegExp(words.split(' ')[0] as string, 'i'))
      await first.click()
      await page.locator('.vp-doc h1').waitFor()
      await page.waitForURL((url) => url.pathname !== start)
      expect(new URL(page.url()).pathname).toMatch(inLanguage)
      expect(faults).toEqual([])
    })
  })
})
