import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const src = fileURLToPath(new URL('../../src', import.meta.url))
// What stands in the examples of comments is none.
const TABLE = /^(?:export )?const ([A-Z0-9_]+): (?:check\.)?OptionTable<[^=]*> = \{([^}]*)\}/gm

/** The names in every table of options there is in the source, by the name of the table. */
export const options: ReadonlyMap<string, readonly string[]> = read()

function read(): Map<string, readonly string[]> {
  const bodies = new Map<string, string>()
  for (const path of readdirSync(src, { recursive: true }) as string[]) {
    if (!path.endsWith('.ts')) continue
    const text = readFileSync(join(src, path), 'utf8')
    for (const [, name, body] of text.matchAll(TABLE)) bodies.set(name as string, body as string)
  }
  const names = (table: string): string[] =>
    [...(bodies.get(table) ?? '').matchAll(/\.\.\.([A-Z0-9_]+)|(\w+): true/g)].flatMap(
      ([, other, name]) => (other === undefined ? [name as string] : names(other)),
    )
  return new Map([...bodies.keys()].map((table) => [table, [...new Set(names(table))]]))
}
