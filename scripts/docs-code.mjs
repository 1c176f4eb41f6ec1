// Writes the code blocks of README and docs/ from the examples, so that every block is a piece of a program that the tests
// run. `npm run docs:code` after changing either; a test fails while a block is stale, or comes from nowhere.
//
//   <!-- code: examples/snippets/limiters.ts#compose -->      above the block, and in the program
//   // #region compose ... // #endregion                      round what is shown; several of one name are joined, and one may have several names
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
// Decisions quote code that is no more, and the reference is generated from the docstrings.
const WRITTEN_OTHERWISE = /^docs\/(decisions|api)\//
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

function block(path, { file, region, language, code }) {
  if (file === undefined) {
    throw new Error(`${path}: cut this block from an example, <!-- code: file#region -->:\n${code}`)
  }
  return `<!-- code: ${file}#${region} -->\n\`\`\`${language}\n${cut(file, region)}\n\`\`\``
}

/** What stands between the region's marks, without the indentation and the remarks to linters. */
function cut(file, region) {
  const pieces = []
  let piece
  for (const line of readFileSync(root + file, 'utf8').split('\n')) {
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
