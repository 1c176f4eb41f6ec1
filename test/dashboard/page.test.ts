import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { PAGE } from '../../src/dashboard/page.generated.ts'

describe('the page', () => {
  it('is the one that its sources make: npm run page', async () => {
    const { generated } = (await import('../../scripts/page.mjs' as string)) as {
      generated(): Promise<string>
    }
    const written = readFileSync(
      new URL('../../src/dashboard/page.generated.ts', import.meta.url),
      'utf8',
    )
    expect(await generated()).toBe(written)
  })

  it('is not larger than 40 kB, gzipped, in all', () => {
    const sizes = Object.values(PAGE).map(({ text }) => gzipSync(text, { level: 9 }).length)
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(40_000)
  })

  it('has nothing inline and nothing of elsewhere', () => {
    const html = PAGE['index.html']?.text as string
    expect(html).not.toMatch(/<style|style=|<script>| on\w+=/)
    for (const { text } of Object.values(PAGE)) {
      // What names a namespace is not loaded.
      const without = text.replaceAll(/http:\/\/www\.w3\.org\/[\w/]+/g, '')
      expect(without).not.toMatch(/https?:\/\/|@import|url\(/)
    }
  })

  it('keeps the licence of what is bundled', () => {
    expect(PAGE['app.js']?.text).toMatch(/Preact.*MIT License/)
  })

  it('has a Russian word for each English one, and none that is not used', () => {
    const folder = new URL('../../src/dashboard/page/', import.meta.url)
    const sources = readdirSync(folder)
      .filter((name) => /\.tsx?$/.test(name) && name !== 'words.ts')
      .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    const words = readFileSync(new URL('words.ts', folder), 'utf8')
    const known = [...words.matchAll(/^ {2}(?:'([^']+)'|([\w]+)):\s*'/gm)].map(
      ([, quoted, plain]) => quoted ?? (plain as string),
    )
    expect(new Set(known).size).toBe(known.length)
    const said = sources.flatMap((text) => [
      ...[...text.matchAll(/\bw\(([^()]*)\)/g)].flatMap(([, inner = '']) =>
        [...inner.matchAll(/'([^']+)'/g)].map(([, word = '']) => word),
      ),
      ...[...text.matchAll(/<Head\s+names=\{\[([\s\S]*?)\]\}/g)].flatMap(([, list = '']) =>
        [...list.matchAll(/\['([^']+?)\.?'/g)].map(([, word = '']) => word),
      ),
    ])
    expect(said.filter((word) => !known.includes(word))).toEqual([])
    const text = sources.join('\n')
    expect(
      known.filter(
        (word) =>
          !text.includes(`'${word}'`) && !text.includes(`'${word}.'`) && !/_|^[a-z]/.test(word),
      ),
    ).toEqual([])
  })
})
