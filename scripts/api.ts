// npm run api: writes the public API as one text, so that every change of it is a change in a review.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Declared, exportsOf, referredTo } from './declarations.ts'
import { entriesIn } from './entries.ts'

/** The public API of the package in `home`, as its own `exports` and the types it ships have it. */
export function apiText(home: string): string {
  const entries = entriesIn(home).map(({ name, types }) => ({ name, exported: exportsOf(types) }))
  const inner = referredTo(entries.flatMap(({ exported }) => exported))
  return [
    HEAD,
    ...entries.map(({ name, exported }) => chapter(name, exported)),
    chapter('not exported: what the above is made of', inner),
  ].join('\n')
}

const HEAD = `The public API of aioflux, by entry.
Written by \`npm run api\`, checked by \`npm test\`. A change here is a change for users: say it in CHANGELOG.md.
`

function chapter(title: string, declared: readonly Declared[]): string {
  const line = '='.repeat(title.length)
  return [line, title, line, '', ...declared.map(section)].join('\n')
}

function section({ name, declarations }: Declared): string {
  const code = declarations.map(({ code }) => code.replace(/^(export )?(declare )?/, ''))
  return `# ${name}\n\n${code.join('\n')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const home = fileURLToPath(new URL('..', import.meta.url))
  writeFileSync(join(home, 'docs/api.txt'), apiText(home))
}
