import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(root + path, 'utf8')
const installed = (name: string) =>
  (JSON.parse(read(`node_modules/${name.toLowerCase()}/package.json`)).version as string).replace(
    /^v/,
    '',
  )

/** The peers that a heading of a table names, with their releases: `fastq 1.20`. */
function named(page: string): string[][] {
  const headings = page.match(/^\| .* \| aioflux \| .*$/gm) ?? []
  return headings.flatMap((line) =>
    [...line.matchAll(/\| ([\w@/-]+) (\d[\w. ]*?) (?=\|)/g)].map(([, name, release]) => [
      name as string,
      release as string,
    ]),
  )
}

/** The rows of the table that says which releases were run. */
function run(page: string): string[][] {
  const table =
    page
      .split(/^### (?:How the comparison was checked|Как проверено сравнение)$/m)[1]
      ?.split(/^## /m)[0] ?? ''
  return [...table.matchAll(/^\| ([\w@/-]+) \| (\S[^|]*?) \| (\d\S*) \|$/gm)].map((row) =>
    row.slice(1),
  )
}

describe.each(['README.md', 'README.ru.md'])('the releases that %s names', (path) => {
  const page = read(path)

  it('stand in the table of what was run', () => {
    expect(named(page).length).toBeGreaterThan(8)
    const tables = run(page).map(([name, release]) => `${name} ${release}`)
    for (const [name, release] of named(page)) expect(tables).toContain(`${name} ${release}`)
  })

  it('were run as it says: they are installed here', () => {
    expect(run(page).length).toBeGreaterThan(10)
    const wrong = run(page).filter(([name, , version]) => installed(name as string) !== version)
    expect(wrong.map(([name]) => `${name} ${installed(name as string)}`)).toEqual([])
  })

  it('a release of the tables that was not run is a later one', () => {
    for (const [name, release, version] of run(page) as [string, string, string][]) {
      if (release === '—' || version.startsWith(release.replace(' beta', ''))) continue
      expect(Number.parseFloat(release), name).toBeGreaterThan(Number.parseFloat(version))
    }
  })
})

it('every peer of the figures is among what was run', () => {
  const page = read('README.md')
  const figures = page.split(/^## Speed$/m)[1]?.split(/^## /m)[0] ?? ''
  const peers = run(page).map(([name]) => name?.toLowerCase())
  const words = new Set(figures.match(/@?[a-z][a-z/-]+/g))
  const packages = JSON.parse(read('package.json')).devDependencies as object
  // Both are the clients of what is measured, and the server that it is measured behind.
  const around = ['ioredis', 'express', 'fastify', 'redis']
  const compared = Object.keys(packages).filter((name) => words.has(name) && !around.includes(name))
  expect(compared).toContain('cockatiel')
  expect(peers).toEqual(expect.arrayContaining(compared))
})

it('the guides for moving were checked against what is installed', () => {
  for (const [slug, name] of [
    ['bullmq', 'bullmq'],
    ['express-rate-limit', 'express-rate-limit'],
    ['cockatiel', 'cockatiel'],
    ['redlock', 'redlock'],
    ['fastq', 'fastq'],
    ['node-cron', 'node-cron'],
    ['prom-client', 'prom-client'],
    ['p-queue', 'p-queue'],
    ['bottleneck', 'bottleneck'],
    ['opossum', 'opossum'],
    ['rate-limiter-flexible', 'rate-limiter-flexible'],
  ] as const) {
    const version = installed(name)
    const said = read(`docs/moving/from-${slug}.md`).match(
      /^Checked against \S+ (\d[\w.-]*?)\.?[ ,;]/m,
    )
    expect(version.startsWith(said?.[1] ?? 'none'), `${slug}: ${said?.[1]} and ${version}`).toBe(
      true,
    )
  }
})
