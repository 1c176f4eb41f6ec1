// Writes what `require` of an entry finds, beside the entry: a CommonJS file that hands on the ES module, and its types. There is no
// second copy of the code, so `import` and `require` give the same classes. Node has required ES modules since 20.19; TypeScript's
// `module: node16` describes an older Node and would call it an error (TS1479).
//
//   node scripts/cjs.mjs dist
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const TYPES = `// @ts-ignore: Node has required ES modules since 20.19, which module node16 does not know.
export * from './index.js'
`
const CODE = `module.exports = require('./index.js')
`

const dist = process.argv[2]
const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
for (const { require } of Object.values(exports)) {
  if (require === undefined) continue
  for (const [path, text] of [
    [require.types, TYPES],
    [require.default, CODE],
  ]) {
    if (!basename(path).startsWith('index.')) throw new Error(`an entry is an index, got ${path}`)
    writeFileSync(join(dist, path.replace('./dist/', '')), text)
  }
}
