import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as aioflux from 'aioflux'
import * as dashboard from 'aioflux/dashboard'
import * as http from 'aioflux/http'
import * as metrics from 'aioflux/metrics'
import * as otel from 'aioflux/otel'
import * as redis from 'aioflux/redis'
import * as testing from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { PICTURE, picture } from '../scripts/architecture.ts'
// @ts-expect-error: a script, without types.
import { pages } from '../scripts/docs-code.mjs'
import { pictures } from '../scripts/pictures.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const exported = [aioflux, redis, http, dashboard, metrics, otel, testing].flatMap((entry) =>
  Object.keys(entry),
)
const all = pages() as { path: string; text: string; wanted: string }[]

describe('docs', () => {
  it('finds the pages', () => {
    expect(all.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['README.md', 'README.ru.md', 'docs/guide.md']),
    )
  })

  it.each(all)('the code of $path is cut from the examples (npm run docs:code)', (page) => {
    expect(page.text).toBe(page.wanted)
  })

  // A reader copies one block. A name of the package that it does not import is a ReferenceError.
  it.each(all.filter(({ path }) => !path.includes('moving/')))(
    'the code of $path imports what it takes from the package',
    ({ text }) => {
      for (const [, code] of text.matchAll(/^```ts\n([\s\S]*?)^```$/gm) as Iterable<string[]>) {
        const imported = [...(code as string).matchAll(/^import .*/gm)].join('\n')
        const used = (code as string).replace(/^import .*|\/\/.*|'[^'\n]*'/gm, '')
        const missing = exported.filter(
          (name) =>
            new RegExp(`(?<![.\\w])${name}(?:\\(|\\.\\w+\\()`).test(used) &&
            !new RegExp(`\\b${name}\\b`).test(imported),
        )
        expect(missing, code).toEqual([])
      }
    },
  )

  it('README has the command that CI runs', () => {
    const ci = readFileSync(`${root}.ci/run`, 'utf8')
    const read = ci.match(/^command=\$\((.*)\)$/m)?.[1] as string
    expect(execFileSync('bash', ['-c', read], { cwd: root, encoding: 'utf8' })).toBe(
      'npm ci && npm test\n',
    )
  })

  it('the guide knows every code of an error', () => {
    const source = readFileSync(`${root}src/core/errors.ts`, 'utf8')
    const codes = [...source.matchAll(/^ {2}\| '([A-Z_]+)'$/gm)].map((match) => match[1] as string)
    const guide = all.find(({ path }) => path === 'docs/guide.md')?.text ?? ''
    expect(codes.length).toBeGreaterThan(10)
    expect(codes.filter((code) => !guide.includes(`\`${code}\``))).toEqual([])
  })

  it.each(all)('the links of $path lead somewhere', ({ path, text }) => {
    for (const { file, anchor } of linksOf(text)) {
      const target = file === '' ? path : join(dirname(path), file)
      expect(existsSync(root + target), `${path}: ${file}`).toBe(true)
      if (anchor === undefined || !target.endsWith('.md')) continue
      const page = all.find((other) => other.path === target)
      if (page !== undefined) expect(anchorsOf(page.text), `${path}: #${anchor}`).toContain(anchor)
    }
  })
})

it('the pictures show what limits, leases, breakers, retries, jobs, schedules, budgets and pools do now (npm run docs:pictures)', async () => {
  for (const [path, svg] of Object.entries(await pictures())) {
    expect(readFileSync(`${root}${path}`, 'utf8'), path).toBe(svg)
  }
})

describe('docs/architecture.md', () => {
  it('has a picture of the imports as they are (npm run docs:architecture)', () => {
    expect(readFileSync(root + PICTURE, 'utf8')).toBe(picture())
  })

  it('draws a folder above all that it imports, and no line that goes by way of another', () => {
    const drawn = picture(
      new Map([
        ['top', new Set(['middle', 'bottom'])],
        ['middle', new Set(['bottom'])],
        ['bottom', new Set<string>()],
      ]),
    )
    const y = (name: string) =>
      Number(new RegExp(`y="(\\d+)">${name}<`).exec(drawn)?.[1] ?? Number.NaN)
    expect(y('top')).toBeLessThan(y('middle'))
    expect(y('middle')).toBeLessThan(y('bottom'))
    expect(drawn.match(/<path /g)).toHaveLength(2)
  })

  it('names files and folders that are there', () => {
    const text = all.find(({ path }) => path === 'docs/architecture.md')?.text ?? ''
    const named = [...text.matchAll(/`((?:src|test)\/[\w./-]*)`/g)].map(
      (match) => match[1] as string,
    )
    expect(named.length).toBeGreaterThan(40)
    expect(named.filter((path) => !existsSync(root + path))).toEqual([])
  })
})

// What can be compared of two languages: the code shown, where it leads, and the figures of the tables.
describe('README.ru.md', () => {
  const [english, russian] = ['README.md', 'README.ru.md'].map(
    (name) => all.find(({ path }) => path === name)?.text as string,
  ) as [string, string]

  it.each([
    ['the same code', (text: string) => text.match(/^<!-- code: .*|^npm .*|^npx .*/gm)],
    ['the same links', (text: string) => linksOf(text).map(({ file }) => file)],
    ['the same tables', (text: string) => text.match(/^\|(?=[^-]).*$/gm)?.map(figuresOf)],
    ['as many sections', (text: string) => text.match(/^##? /gm)],
  ])('has %s', (_, of) => {
    const own = (list: unknown) =>
      JSON.stringify(list).replaceAll('README.ru.md', 'README.md').replaceAll('docs/ru/', 'docs/')
    expect(own(of(russian))).toBe(own(of(english)))
    expect(of(english)?.length).toBeGreaterThan(3)
  })
})

/** The numbers of a row, however the language writes them, and how many cells it has. */
function figuresOf(row: string): string {
  const numbers = row.replace(/(\d)[ ,](?=\d{3})/g, '$1').match(/\d+(?:[.,]\d+)?/g) ?? []
  return `${row.split('|').length}: ${numbers.join(' ').replaceAll(',', '.')}`
}

function linksOf(text: string): { file: string; anchor: string | undefined }[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)|(?:href|src)="([^"]+)"/g)]
    .map((match) => (match[1] ?? match[2]) as string)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => ({ file: link.split('#')[0] as string, anchor: link.split('#')[1] }))
}

/** As GitHub makes them: the heading in small letters, without punctuation, with hyphens for spaces. */
function anchorsOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map((match) =>
    (match[1] as string)
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/ /g, '-'),
  )
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '')
}
