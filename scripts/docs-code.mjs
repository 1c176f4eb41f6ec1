// Writes the code blocks of README and docs/ from the examples, so that every block is a piece of a program that the tests
// run. `npm run docs:code` after changing either; a test fails while a block is stale, or comes from nowhere.
//
//   <!-- code: examples/snippets/limiters.ts#compose -->      above the block, and in the program
//   // #region compose ... // #endregion                      round what is shown; several of one name are joined, and one may have several names
//
// A block begins with the imports that it needs, so that it runs when it is copied. Guides for moving show only what changes.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
// Decisions quote code that is no more, and the reference is generated from the docstrings.
const WRITTEN_OTHERWISE = /^docs\/(decisions|api)\//
const WITHOUT_IMPORTS = /^docs\/(ru\/)?moving\//
const IMPORT = /^import (?<type>type )?\{(?<names>[^}]*)\} from '(?<from>[^.'][^']*)'\n/gm
const BLOCK =
  /(?:^<!-- code: (?<file>\S+?)#(?<region>\S+) -->\n)?^```(?<language>ts|js)\n(?<code>[\s\S]*?)^```$/gm

/** The pages whose code is cut from examples: path and text, the present one and the right one. */
export function pages() {
  const docs = readdirSync(`${root}docs`, { recursive: true }).map((name) => `docs/${name}`)
  return ['README.md', 'README.ru.md', ...docs]
    .filter((path) => path.endsWith('.md') && !WRITTEN_OTHERWISE.test(path))
    .sort()
    .map((path) => {
      const text = readFileSync(root + path, 'utf8')
      return { path, text, wanted: text.replace(BLOCK, (...match) => block(path, match.at(-1))) }
    })
}

function block(path, { file, region, language, code: present }) {
  if (file === undefined) {
    throw new Error(
      `${path}: cut this block from an example, <!-- code: file#region -->:\n${present}`,
    )
  }
  const program = readFileSync(root + file, 'utf8')
  const shown = cut(program, file, region)
  const code = WITHOUT_IMPORTS.test(path) ? shown : withImports(shown, program)
  return `<!-- code: ${file}#${region} -->\n\`\`\`${language}\n${code}\n\`\`\``
}

/** The code below the imports of `program` that it needs, those from one module in one line. */
function withImports(shown, program) {
  const [, others, code] = shown.replace(IMPORT, '').match(/^((?:import .*\n|\n)*)([\s\S]*)$/)
  const words = new Set(code.replace(/\/\/.*|'[^'\n]*'/g, '').match(/(?<![.\w])[A-Za-z]\w*/g))
  const modules = new Map()
  for (const { groups } of program.matchAll(IMPORT)) {
    const needed = groups.names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => words.has(bare(name)))
      .map((name) => (groups.type ? `type ${name}` : name))
    if (needed.length > 0)
      modules.set(groups.from, [...(modules.get(groups.from) ?? []), ...needed])
  }
  const lines = [...modules].map(([from, names]) => importOf(names, from))
  const head = [...others.trim().split('\n'), ...lines.sort(byModule)].filter((line) => line !== '')
  return head.length === 0 ? code : `${head.join('\n')}\n\n${code}`
}

function importOf(names, from) {
  const list = names.sort((a, b) => bare(a).localeCompare(bare(b))).join(', ')
  const types = names.every((name) => name.startsWith('type '))
  return types
    ? `import type { ${list.replaceAll('type ', '')} } from '${from}'`
    : `import { ${list} } from '${from}'`
}

/** The name that the code uses: `type A` is `A`, `a as b` is `b`. */
function bare(name) {
  return name.split(' ').at(-1)
}

/** Modules of Node and of others first, as in the examples. */
function byModule(a, b) {
  const rank = (line) => (/'aioflux/.test(line) ? 1 : 0)
  return rank(a) - rank(b)
}

/** What stands between the region's marks, without the indentation and the remarks to linters. */
function cut(program, file, region) {
  const pieces = []
  let piece
  for (const line of program.split('\n')) {
    const mark = line.match(/^\s*\/\/ #(region|endregion) ?(.*)$/)
    if (mark?.[1] === 'endregion') piece = undefined
    else if (mark?.[1] === 'region' && mark[2].split(' ').includes(region)) {
      piece = []
      pieces.push(piece)
    } else if (!/^\s*\/\/ (biome-ignore|@ts-)/.test(line)) piece?.push(line)
  }
  if (pieces.length === 0) throw new Error(`${file} has no region ${region}`)
  return pieces.map(dedented).join('\n\n')
}

function dedented(lines) {
  const depth = Math.min(...lines.filter((line) => line !== '').map((line) => line.search(/\S/)))
  return lines
    .map((line) => line.slice(depth))
    .join('\n')
    .replace(/^\n+|\n+$/g, '')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { path, text, wanted } of pages()) {
    if (text === wanted) continue
    writeFileSync(root + path, wanted)
    console.log(`wrote ${path}`)
  }
}
