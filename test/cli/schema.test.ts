// The pages name every field of the JSON reports, and the reports have every field that the pages name.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { clf, command, log } from './support.ts'

const stdin = log(clf(0), clf(0), clf(1), 'no line', clf(2, '10.0.0.2'))

/** The names in the table under `## The JSON report`. */
function documented(page: string): string[] {
  const path = fileURLToPath(new URL(`../../docs/${page}`, import.meta.url))
  const [, rest = ''] = readFileSync(path, 'utf8').split('## The JSON report')
  const [section = ''] = rest.split('\n## ')
  return Array.from(section.matchAll(/\w+/g), (match) => match[0])
}

function names(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(names)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) =>
    // `deniedBy` has algorithms for names.
    name === 'deniedBy' ? [name] : [name, ...names(inner)],
  )
}

describe.each([
  ['replay.md', ['replay', '-', '--limit', '1/1h', '--compare', '2/1h']],
  ['advise.md', ['advise', '-', '--deny', '30%']],
])('docs/%s', (page, args) => {
  it('names every field', async () => {
    const { stdout } = await command([...args, '--json'], { stdin })
    const known = new Set([...documented(page), ...documented('replay.md')])
    for (const name of new Set(names(JSON.parse(stdout)))) expect(known, name).toContain(name)
  })

  it('names no field that is not there', async () => {
    const { stdout } = await command([...args, '--json'], { stdin })
    const report = JSON.parse(stdout)
    const path = fileURLToPath(new URL(`../../docs/${page}`, import.meta.url))
    const [, section = ''] = readFileSync(path, 'utf8').split('## The JSON report')
    const rows = section.split('\n## ')[0]!.matchAll(/^\| (`.*?`) \|/gm)
    const fields = Array.from(rows, (row) => row[1]!.match(/\w+/g)!).flat()
    expect(fields.length).toBeGreaterThan(10)
    for (const field of fields) expect(report, field).toHaveProperty(field)
    expect(report.schema).toBe(`aioflux/${page.slice(0, -3)}@1`)
  })
})
