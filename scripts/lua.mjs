// Writes the Lua twins of the rules, and the scripts of src/redis, into src/redis/lua.generated.ts, so that no runtime and
// no bundler has to know about Lua. `npm run lua` after changing one; a test fails while the module is stale.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)

export function generated() {
  const read = (folder) =>
    readdirSync(new URL(folder, root))
      .filter((name) => name.endsWith('.lua'))
      .sort()
      .map((name) => [name.slice(0, -4), readFileSync(new URL(`${folder}${name}`, root), 'utf8')])
  const table = (name, doc, entries) => [
    `/** ${doc} */`,
    `export const ${name}: Readonly<Record<string, string>> = {`,
    ...entries.map(([key, text]) => `  '${key}': ${JSON.stringify(compact(text))},`),
    '}',
  ]
  return [
    '// Written by scripts/lua.mjs from the .lua files; do not edit. biome-ignore-all format: generated.',
    ...table('TWINS', 'The twins of the rules, by kind.', read('src/rules/')),
    '',
    ...table('SCRIPTS', 'The scripts around them, by name.', read('src/redis/lua/')),
    '',
    ...table(
      'QUEUE_PARTS',
      'The parts of the scripts of queues, by name.',
      read('src/redis/queues/lua/'),
    ),
    '',
  ].join('\n')
}

/**
 * The text without comments and indentation: it crosses the wire whenever a server does not know it yet. Empty lines stay,
 * one at a time: the linker tells by them where a function ends.
 */
function compact(text) {
  return text
    .split('\n')
    .filter((line) => !/^\s*--/.test(line))
    .map((line) => line.trim())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('src/redis/lua.generated.ts', root), generated())
}
