import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const docs = fileURLToPath(new URL('../docs/', import.meta.url))

/** The pages that have to be there in Russian. Add a page here when it is translated. */
const TRANSLATED = [
  'README.md',
  'advise.md',
  'architecture.md',
  'budgets.md',
  'coordination.md',
  'dashboard.md',
  'decorators.md',
  'guide.md',
  'http.md',
  'limiters.md',
  'metrics.md',
  'plans.md',
  'queues.md',
  'redis.md',
  'replay.md',
  'resilience.md',
  'scheduler.md',
  'storages.md',
  'which-part.md',
  'workers.md',
]

const read = (path: string) => readFileSync(docs + path, 'utf8')
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
    // The two index pages link to each other.
    .filter((target) => target !== '' && !/^(?:ru\/)?README\.md$/.test(target))
    .sort()

it('the pages in Russian are those that are named here', () => {
  expect((readdirSync(`${docs}ru`) as string[]).sort()).toEqual([...TRANSLATED].sort())
})

describe.each(TRANSLATED)('docs/ru/%s', (page) => {
  const english = read(page)
  const russian = read(`ru/${page}`)

  it('is in Russian', () => {
    const letters = withoutCode(russian).match(/[а-яё]/gi)?.length ?? 0
    expect(letters / withoutCode(russian).length).toBeGreaterThan(0.3)
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
    // A page links to the translation of another where there is one.
    expect(links(russian)).toEqual(links(english))
  })
})
