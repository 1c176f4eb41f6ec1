import { apiText } from './api-text.ts'
import { build } from './build.ts'
import { entries } from './entries.ts'
import { index, page, pathOf } from './reference.ts'
import { type Surface, surface } from './surface.ts'

/** The surfaces of all entries, from declarations that are built into `dist` for that. */
export function surfaces(dist: string): Surface[] {
  build(dist, '--emitDeclarationOnly', '--declarationMap', 'false')
  const shown = new Set<string>()
  return entries().map((entry) => surface(entry, dist, shown))
}

/** The committed files that follow from the surfaces: path from the root of the repository -> text. */
export function apiFiles(all: Surface[]): Map<string, string> {
  return new Map([
    ['api.txt', apiText(all)],
    ['docs/api/README.md', index(all)],
    ...all.map((one): [string, string] => [`docs/api/${pathOf(one.entry)}`, page(one, all)]),
  ])
}
