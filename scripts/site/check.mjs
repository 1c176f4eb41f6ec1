// Looks at the built site as a browser would: every link and anchor leads somewhere, and no page loads anything from elsewhere.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const site = fileURLToPath(new URL('../../.cache/site/', import.meta.url))
const pages = new Map(
  readdirSync(site, { recursive: true })
    .filter((path) => path.endsWith('.html'))
    .map((path) => [path, readFileSync(join(site, path), 'utf8')]),
)
const wrong = []

for (const [path, html] of pages) {
  for (const [, address] of html.matchAll(/<(?:a|link)\b[^>]*\bhref="([^"]+)"/g)) {
    if (/^[a-z]+:/.test(address)) continue
    const [file, anchor] = decodeURI(address).split('#')
    const target = file === '' ? path : fileOf(file, path)
    if (!existsSync(join(site, target))) wrong.push(`${path}: ${address} is not there`)
    else if (anchor && !pages.get(target)?.includes(`id="${anchor}"`)) {
      wrong.push(`${path}: ${address} has no such anchor`)
    }
  }
  const loaded = html.matchAll(
    /<(?:script|img|iframe)\b[^>]*\bsrc="([a-z]+:\/\/[^"]+)"|<link\b[^>]*\brel="(?:stylesheet|preload|modulepreload)"[^>]*\bhref="([a-z]+:\/\/[^"]+)"/g,
  )
  for (const [, source, sheet] of loaded) wrong.push(`${path}: loads ${source ?? sheet}`)
}

if (pages.size < 30) wrong.push(`only ${pages.size} pages: build the site first`)
for (const line of wrong) console.error(line)
console.log(`${pages.size} pages, ${wrong.length} faults`)
process.exitCode = wrong.length > 0 ? 1 : 0

/** The file of an address, as a web server finds it. */
function fileOf(address, page) {
  const path = address.startsWith('/') ? address.slice(1) : join(dirname(page), address)
  return path === '' || path.endsWith('/') ? `${path}index.html` : path
}
