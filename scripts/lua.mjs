// Writes the Lua twins of the rules, and the scripts of src/redis, into src/redis/scripts/lua.generated.ts, so that no runtime and
// no bundler has to know about Lua. `npm run lua` after changing one; a test fails while the module is stale.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)

/**
 * What of a twin each program calls. A server makes every function anew in each call, so all others are left out there; the driver may call
 * anything. `limit` is the part of the scripts of queues that asks a limit.
 */
const CALLS = {
  single: ['fresh', 'reserve', 'refund', 'remaining', 'idle_after', 'token'],
  take: ['take', 'used', 'write', 'idle_after'],
  limit: ['fresh', 'reserve', 'refund', 'remaining', 'idle_after'],
}

export function generated() {
  const read = (folder) =>
    readdirSync(new URL(folder, root))
      .filter((name) => name.endsWith('.lua'))
      .sort()
      .map((name) => [
        name.slice(0, -4),
        compact(readFileSync(new URL(`${folder}${name}`, root), 'utf8')),
      ])
  const table = (name, doc, entries) => [
    `/** ${doc} */`,
    `export const ${name}: Readonly<Record<string, string>> = {`,
    ...entries.map(([key, text]) => `  '${key}': ${JSON.stringify(text)},`),
    '}',
    '',
  ]
  const twins = new Map(read('src/rules/'))
  const parts = []
  const number = (text) => {
    if (!parts.includes(text)) parts.push(text)
    return parts.indexOf(text)
  }
  const linked = [...twins.keys()].map((kind) => {
    const all = partsOf(twins, kind)
    const forms = { all: undefined, ...CALLS }
    if (!all.some(({ name }) => name === 'rule.take')) delete forms.take
    const lists = Object.entries(forms).map(([form, wanted]) => {
      const called = wanted && calledBy(all, wanted)
      const key = form === 'all' ? form : wanted.join(' ')
      return `    '${key}': [${linesOf(twins, kind, called).map(number).join(', ')}],`
    })
    return [`  '${kind}': {`, ...lists, '  },'].join('\n')
  })
  return [
    '// Written by scripts/lua.mjs from the .lua files; do not edit. biome-ignore-all format: generated.',
    '/** The functions of the twins, and what stands between them. */',
    'export const TWIN_PARTS: readonly string[] = [',
    ...parts.map((text) => `  ${JSON.stringify(text)},`),
    ']',
    '',
    '/** The twins of the rules, by kind: the numbers of their parts, for each list of functions that a program calls. */',
    'export const TWINS: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {',
    ...linked,
    '}',
    '',
    '/** What of a twin each program calls. */',
    'export const CALLS: Readonly<Record<string, readonly string[]>> = {',
    ...Object.entries(CALLS).map(
      ([program, names]) => `  ${program}: [${names.map((name) => `'${name}'`).join(', ')}],`,
    ),
    '}',
    '',
    ...table('SCRIPTS', 'The scripts around them, by name.', read('src/redis/lua/')),
    ...table(
      'QUEUE_PARTS',
      'The parts of the scripts of queues, by name.',
      read('src/redis/queues/lua/'),
    ),
  ].join('\n')
}

/** The line that puts the twin in on which another builds. */
const BASE = /^(.*)require\('([\w-]+)'\)(.*)$/

/** The functions of a twin and what stands between them, by what each is called. Empty lines divide them. */
function ownParts(twins, kind) {
  return twins
    .get(kind)
    .split('\n\n')
    .map((text) => {
      const [, called, alias] =
        /^(?:local )?function ([\w.]+)|^local (\w+) = rule\./.exec(text) ?? []
      return { text, name: called ?? alias }
    })
}

/** The parts of a twin, and of the twins it builds on. */
function partsOf(twins, kind) {
  const own = ownParts(twins, kind)
  const bases = own.flatMap(({ text }) =>
    text.split('\n').flatMap((line) => BASE.exec(line)?.[2] ?? []),
  )
  return [...own, ...bases.flatMap((base) => partsOf(twins, base))]
}

/** What is wanted, and all that is called by it. */
function calledBy(parts, wanted) {
  const called = new Set(wanted.map((name) => `rule.${name}`))
  for (let before = 0; before < called.size; ) {
    before = called.size
    for (const { name, text } of parts) {
      if (name !== undefined && !called.has(name)) continue
      for (const [callee] of text.matchAll(/\brule\.\w+|\b\w+(?=\()/g)) called.add(callee)
    }
  }
  return called
}

/** The text of a twin in parts, with the one it builds on put in. */
function linesOf(twins, kind, called) {
  return ownParts(twins, kind)
    .filter(({ name }) => name === undefined || called === undefined || called.has(name))
    .flatMap(({ text }) => {
      const lines = text.split('\n')
      const at = lines.findIndex((line) => BASE.test(line))
      if (at === -1) return [text]
      const [, before, base, after] = BASE.exec(lines[at])
      return [
        [...lines.slice(0, at), `${before}(function()`].join('\n'),
        ...linesOf(twins, base, called),
        [`end)()${after}`, ...lines.slice(at + 1)].join('\n'),
      ]
    })
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
  writeFileSync(new URL('src/redis/scripts/lua.generated.ts', root), generated())
}
