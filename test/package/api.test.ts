import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiFiles, surfaces } from '../../scripts/package/api-files.ts'
import { entries, root } from '../../scripts/package/entries.ts'
import { body, statements } from '../../scripts/package/statements.ts'
import { publicCode, publicMembers, type Surface } from '../../scripts/package/surface.ts'

describe('the public surface', () => {
  const dist = mkdtempSync(join(tmpdir(), 'aioflux-api-'))
  let all: Surface[]
  beforeAll(() => {
    all = surfaces(dist)
    // A busy machine builds the package in half a minute.
  }, 60_000)
  afterAll(() => rmSync(dist, { recursive: true }))

  it('is what api.txt and docs/api say; `npm run api` writes them anew', () => {
    for (const [path, text] of apiFiles(all)) expect(read(path), path).toBe(text)
  })

  it('docs/api has no page of an entry that is gone', () => {
    const pages = [...apiFiles(all).keys()].filter((path) => path.startsWith('docs/api/'))
    expect(readdirSync(`${root}docs/api`).sort()).toEqual(
      pages.map((path) => path.replace('docs/api/', '')).sort(),
    )
  })

  it('every link of docs/api leads to the heading of its name', () => {
    const files = apiFiles(all)
    const links = [...files].flatMap(([path, text]) =>
      [...withoutCode(text).matchAll(/\[(\w+)\]\(([\w-]*\.md)?#([^)]+)\)/g)].map(
        ([, label, page, anchor]) => ({ path, label, page, anchor: anchor as string }),
      ),
    )
    const wrong = links.filter(({ path, label, page, anchor }) => {
      const target = page === undefined ? path : `docs/api/${page}`
      return headingsOf(files.get(target) ?? '').get(anchor) !== label
    })
    expect(wrong).toEqual([])
    // Where two names differ in capitals only, the second heading has a number.
    expect(links.map(({ anchor }) => anchor)).toContain('dashboard-1')
  })

  it('has every name that the modules really export', async () => {
    for (const { entry, exported } of all) {
      const module: object = await import(join(root, entry.source))
      const names = exported.map(({ name }) => name)
      expect(names, entry.name).toEqual(expect.arrayContaining(Object.keys(module)))
    }
    expect(all).toHaveLength(entries().length)
  })

  it('every exported name has a docstring', () => {
    const bare = all.flatMap(({ entry, exported }) =>
      exported.filter(({ doc }) => doc === '').map(({ name }) => `${entry.name}: ${name}`),
    )
    expect(bare).toEqual([])
  })

  it('reads what tsc writes: comments, strings and overloads cut nothing', () => {
    const text = [
      "import { a } from './a.ts';",
      '/** One; two. */',
      'export declare class A<T = {',
      '    x: 1;',
      '}> extends B {',
      '    #private;',
      '    /** Not a brace: } */',
      "    readonly kind: '};';",
      '    private secret;',
      '    open(): void;',
      '}',
      'export type U = { a: 1; } | { b: 2; };',
      'export declare function f(a: 1): 1;',
      'export declare function f(a: 2): 2;',
    ].join('\n')
    const [, a, ...rest] = statements(text)
    expect(a?.doc).toBe('One; two.')
    expect(publicCode(a!)).toBe(
      "class A<T = {\n    x: 1;\n}> extends B {\n    readonly kind: '};';\n    open(): void;\n}",
    )
    expect(publicMembers(body(a!.text)!.inside).map(({ doc }) => doc)).toEqual([
      'Not a brace: }',
      '',
    ])
    expect(rest.map(({ code }) => code)).toEqual([
      'export type U = { a: 1; } | { b: 2; };',
      'export declare function f(a: 1): 1;',
      'export declare function f(a: 2): 2;',
    ])
  })
})

/** The heading at each anchor, as GitHub makes them. */
function headingsOf(page: string): Map<string, string> {
  const headings = new Map<string, string>()
  const seen = new Map<string, number>()
  for (const [, heading = ''] of withoutCode(page).matchAll(/^#+ (.*)$/gm)) {
    const plain = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/ /g, '-')
    const before = seen.get(plain) ?? 0
    seen.set(plain, before + 1)
    headings.set(before === 0 ? plain : `${plain}-${before}`, heading)
  }
  return headings
}

function withoutCode(page: string): string {
  return page.replace(/^```[\s\S]*?^```$/gm, '')
}

function read(path: string): string {
  return readFileSync(root + path, 'utf8')
}
