import { readFileSync } from 'node:fs'
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
})
