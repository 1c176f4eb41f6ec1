import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const docs = fileURLToPath(new URL('../docs/', import.meta.url))

/** Every page that users read is there in Russian. The decisions are for those who change the code, and the reference is made of docstrings. */
const ENGLISH_ONLY = ['api/', 'decisions/']

const pagesIn = (folder: string) =>
  (readdirSync(folder, { recursive: true }) as string[])
    .filter((path) => path.endsWith('.md'))
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
const pages = pagesIn(docs).filter(
  (path) => !['ru/', ...ENGLISH_ONLY].some((folder) => path.startsWith(folder)),
)

/** A page that is not there is empty here; the first test names it. */
const read = (path: string) => (existsSync(docs + path) ? readFileSync(docs + path, 'utf8') : '')
const withoutCode = (page: string) => page.replace(/^```[\s\S]*?^```$/gm, '')
const headings = (page: string) =>
  [...withoutCode(page).matchAll(/^(#+) /gm)].map(([, level]) => level?.length)
const code = (page: string) =>
  [...page.matchAll(/(?:^<!-- code: .* -->\n)?^```[\s\S]*?^```$/gm)].map(([block]) => block)
/** The rows of each table, and how many cells each has. */
const tables = (page: string) =>
  withoutCode(page)
    .split('\n')
    .map((line) => (line.startsWith('|') ? line.split(/(?<!\\)\|/).length : 0))
    .join(' ')
    .split(/(?: ?\b0)+ ?/)
    .filter((table) => table !== '')
/** Where links lead: the same page in English, whichever language it is in. */
const links = (page: string) =>
  [...withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => (target as string).replace(/^(\.\.\/)+/, '').replace(/#.*/, ''))
    .map((target) => target.replace(/\.ru\.md$/, '.md'))
    // The two index pages link to each other.
    .filter((target) => target !== '' && !/^(?:ru\/)?README\.md$/.test(target))
    .sort()

it('every page that users read is there in Russian', () => {
  expect(pages.length).toBeGreaterThan(25)
  expect(pagesIn(`${docs}ru`)).toEqual(pages)
})

describe.each(pages)('docs/ru/%s', (page) => {
  const english = read(page)
  const russian = read(`ru/${page}`)

  it('is in Russian', () => {
    // Names are in English on every page: code, addresses, products. A sentence is not.
    const prose = withoutCode(russian).replace(/`[^`]*`|\]\([^)]*\)/g, '`')
    expect(prose.match(/[а-яё]/gi)?.length ?? 0).toBeGreaterThan(500)
    expect(prose.match(/[a-z]+(?: [a-z]+){5,}/gi)).toBeNull()
  })

  it('has the sections of the English page', () => {
    expect(headings(english).length).toBeGreaterThan(0)
    expect(headings(russian)).toEqual(headings(english))
  })

  it('has the code of the English page', () => {
    expect(code(russian)).toEqual(code(english))
  })

  it('has the tables of the English page, row by row', () => {
    expect(tables(russian)).toEqual(tables(english))
  })

  it('links where the English page links', () => {
    expect(links(russian)).toEqual(links(english))
  })

  it('links to the Russian page where there is one', () => {
    const targets = [...withoutCode(russian).matchAll(/\]\(([^)\s#:]+\.md)/g)].map(([, target]) =>
      posix.join('ru', posix.dirname(page), target as string),
    )
    // The index links to the English index on purpose.
    const english = targets.filter((target) => pages.includes(target) && target !== 'README.md')
    expect(english).toEqual([])
    expect(targets).not.toContain('../README.md')
  })
})
