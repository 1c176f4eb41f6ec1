import { byName, publicCode, type Surface } from './surface.ts'

const HEAD = `The public API of aioflux: every name that an entry exports, and below them the types behind them.
Written by \`npm run api\` and compared by the tests, so that every change of what users see is a change of this file.
`

/** The surface of the package as text without comments, by name: the same for the same declarations. */
export function apiText(surfaces: Surface[]): string {
  return [HEAD, ...surfaces.map(section)].join('\n')
}

function section({ entry, exported, behind }: Surface): string {
  const text = (list: Surface['exported']) =>
    list.flatMap(({ name, declarations }) =>
      declarations.map((one) => renamed(publicCode(one), name)),
    )
  const lines = [`# ${entry.name}`, '', ...text([...exported].sort(byName))]
  if (behind.length > 0) lines.push('', `## behind ${entry.name}`, '', ...text(behind))
  return `${lines.join('\n')}\n`
}

/** Under the name it is exported by. */
function renamed(code: string, name: string): string {
  return code.replace(
    /^((?:abstract )?(?:class|interface|function|const|type) )[\w$]+/,
    `$1${name}`,
  )
}
