import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, inject, it } from 'vitest'
import { apiText } from '../../scripts/api.ts'
import { exportsOf, referredTo } from '../../scripts/declarations.ts'
import { entriesIn } from '../../scripts/entries.ts'
import { homeOf } from './entries.ts'

const home = homeOf(inject('packed').consumer)

describe('the public API', () => {
  it('is the one in docs/api.txt; `npm run api` writes it', () => {
    const path = fileURLToPath(new URL('../../docs/api.txt', import.meta.url))
    // Compared by lines: git may have given them other ends.
    expect(apiText(home).split('\n')).toEqual(readFileSync(path, 'utf8').split(/\r?\n/))
  })

  it.each(entriesIn(home))('every name that $name exports has a docstring', ({ types }) => {
    const without = exportsOf(types)
      .filter(({ declarations }) => declarations.every(({ doc }) => doc === undefined))
      .map(({ name }) => name)
    expect(without).toEqual([])
  })

  it('every name that an entry exports at run time is in it', async () => {
    for (const { name, types } of entriesIn(home)) {
      const names = exportsOf(types).map((one) => one.name)
      expect(names, name).toEqual(expect.arrayContaining(Object.keys(await import(name))))
    }
  })
})

describe('the reader of declarations', () => {
  it('finds what is exported by whatever way, and nothing that is private or a comment', () => {
    const dir = mkdtempSync(join(tmpdir(), 'aioflux-declarations-'))
    const put = (name: string, text: string) => writeFileSync(join(dir, name), text)
    try {
      put(
        'index.d.ts',
        "export { A, type B as Renamed } from './a.ts';\nexport * from './b.ts';\nexport type { Own };\n/** Mine. */\ntype Own = '/* no; comment */' | Hidden;\nimport type { Hidden } from './b.ts';\n",
      )
      put(
        'a.d.ts',
        '/** A class; with { in its text. */\nexport declare class A {\n    #private;\n    private readonly secret;\n    /** How many. */\n    count: number;\n}\nexport interface B {\n}\n',
      )
      put(
        'b.d.ts',
        '/** One. */\nexport declare function f(a: string): void;\nexport declare function f(a: {\n    b: 1;\n}): void;\nexport interface Hidden {\n    deep: Deeper;\n}\ninterface Deeper {\n}\nexport {};\n',
      )
      const found = exportsOf(join(dir, 'index.d.ts'))
      expect(found.map(({ name }) => name)).toEqual(['A', 'Hidden', 'Own', 'Renamed', 'f'])
      const [a, , own, renamed, f] = found.map(({ declarations }) => declarations)
      expect(a?.[0]?.code).toBe('export declare class A {\n    count: number;\n}')
      expect(a?.[0]?.doc).toBe('/** A class; with { in its text. */')
      expect(own?.[0]?.code).toBe("type Own = '/* no; comment */' | Hidden;")
      expect(renamed?.[0]?.doc).toBeUndefined()
      expect(f).toHaveLength(2)
      expect(referredTo(found).map(({ name }) => name)).toEqual(['Deeper'])
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
})
