// Reads the .d.ts files that tsc writes, as far as that needs no compiler: what an entry exports, and how it is declared.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** One declaration, such as an interface or one overload of a function. */
export interface Declaration {
  readonly name: string
  /** Its docstring, if it has one. */
  readonly doc: string | undefined
  /** Its text without comments and without what is private. */
  readonly code: string
}

interface Module {
  readonly declarations: readonly Declaration[]
  /** What a name of this file stands for: another file's name. */
  readonly names: ReadonlyMap<string, { from: string; name: string }>
  /** The public name of each export. */
  readonly exports: ReadonlyMap<string, string>
  /** Files whose exports are all exported again. */
  readonly stars: readonly string[]
}

/** A name, and all its declarations: an interface may stand beside a constant, a function beside its overloads. */
export interface Declared {
  readonly name: string
  readonly file: string
  readonly declarations: readonly Declaration[]
}

const modules = new Map<string, Module>()

/** What an entry exports, by name. */
export function exportsOf(file: string): Declared[] {
  const found = new Map<string, Declared>()
  const { exports, stars } = moduleOf(file)
  for (const star of stars) for (const one of exportsOf(star)) found.set(one.name, one)
  for (const [name, own] of exports) {
    const one = resolve(file, own)
    if (one === undefined) throw new Error(`${file} exports '${name}', which is declared nowhere`)
    found.set(name, { ...one, name })
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** What the declarations in `declared` refer to and is not among them: it shapes them without being exported. */
export function referredTo(declared: readonly Declared[]): Declared[] {
  const seen = new Set(declared.flatMap(({ declarations }) => declarations))
  const found: Declared[] = []
  const look = ({ file, declarations }: Declared) => {
    for (const word of new Set(declarations.flatMap(({ code }) => code.match(/[\w$]+/g) ?? []))) {
      const one = resolve(file, word)
      if (one?.declarations[0] === undefined || seen.has(one.declarations[0])) continue
      for (const declaration of one.declarations) seen.add(declaration)
      found.push(one)
      look(one)
    }
  }
  for (const one of declared) look(one)
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** What `name` stands for in `file`; `undefined` for a word of the language or of another package. */
function resolve(file: string, name: string): Declared | undefined {
  const module = moduleOf(file)
  const declarations = module.declarations.filter((one) => one.name === name)
  if (declarations.length > 0) return { name, file, declarations }
  const there = module.names.get(name)
  if (there !== undefined) return exported(there.from, there.name)
  return undefined
}

function exported(file: string, name: string): Declared | undefined {
  const { exports, stars } = moduleOf(file)
  const own = exports.get(name)
  if (own !== undefined) return resolve(file, own)
  for (const star of stars) {
    const found = exported(star, name)
    if (found !== undefined) return found
  }
  return undefined
}

function moduleOf(file: string): Module {
  let module = modules.get(file)
  if (module === undefined) {
    module = read(file)
    modules.set(file, module)
  }
  return module
}

const IMPORT = /^import (?:type )?\{(.*)\} from ['"](\..*)['"]/s
const EXPORT = /^export (?:type )?\{(.*)\}(?: from ['"](\..*)['"])?/s
const STAR = /^export \* from ['"](\..*)['"]/
const NAMED =
  /^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:class|interface|type|function|const|let|enum|namespace) ([\w$]+)/

function read(file: string): Module {
  const declarations: Declaration[] = []
  const names = new Map<string, { from: string; name: string }>()
  const exports = new Map<string, string>()
  const stars: string[] = []
  for (const { doc, code } of statements(readFileSync(file, 'utf8'))) {
    const star = STAR.exec(code)
    const imported = IMPORT.exec(code)
    const exported = EXPORT.exec(code)
    const name = NAMED.exec(code)?.[1]
    if (star !== null) stars.push(pathOf(file, star[1] as string))
    else if (imported !== null) {
      const from = pathOf(file, imported[2] as string)
      for (const [there, here] of pairs(imported[1] as string))
        names.set(here, { from, name: there })
    } else if (exported !== null) {
      const from = exported[2] === undefined ? undefined : pathOf(file, exported[2])
      for (const [there, here] of pairs(exported[1] as string)) {
        // A name that is only passed on is known here under a name that no declaration can have.
        const own = from === undefined ? there : `${from}#${there}`
        if (from !== undefined) names.set(own, { from, name: there })
        exports.set(here, own)
      }
    } else if (name !== undefined) {
      if (code.startsWith('export ')) exports.set(name, name)
      declarations.push({ name, doc, code: withoutPrivates(code) })
    } else if (!/^import\b/.test(code)) {
      throw new Error(`${file}: what is this? ${code.slice(0, 80)}`)
    }
  }
  return { declarations, names, exports, stars }
}

/** `a, type b as c` as [['a', 'a'], ['b', 'c']]. */
function pairs(list: string): [string, string][] {
  return list
    .split(',')
    .map((item) => item.trim().replace(/^type /, ''))
    .filter((item) => item !== '')
    .map((item) => item.split(' as ') as [string, string?])
    .map(([there, here = there]) => [there, here])
}

function pathOf(file: string, to: string): string {
  const path = join(dirname(file), to.replace(/\.(d\.)?[jt]s$/, ''))
  return existsSync(`${path}.d.ts`) ? `${path}.d.ts` : join(path, 'index.d.ts')
}

function withoutPrivates(code: string): string {
  return code.replace(/^\s+(#private|private (static )?(readonly )?[\w$#]+);\n/gm, '')
}

/** The statements of a file, each with the docstring before it, and without the comments inside. */
function* statements(text: string): Generator<{ doc: string | undefined; code: string }> {
  const block = /^(export )?(default )?(declare )?(abstract )?(class|interface|enum|namespace)\b/
  let doc: string | undefined
  let code = ''
  let depth = 0
  for (const token of text.match(TOKENS) ?? []) {
    if (token.startsWith('/*')) {
      if (code.trim() === '' && token.startsWith('/**')) doc = token
      continue
    }
    if (token.startsWith('//')) continue
    code += token
    if ('{[('.includes(token)) depth += 1
    if ('}])'.includes(token)) depth -= 1
    if (depth > 0 || !(token === ';' || (token === '}' && block.test(code.trimStart())))) continue
    yield { doc, code: tidy(code) }
    doc = undefined
    code = ''
  }
  if (code.trim() !== '') throw new Error(`a statement without an end: ${code.slice(0, 80)}`)
}

const TOKENS =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|[\s\S]/g

/** Without the lines that held nothing but a comment. */
function tidy(code: string): string {
  const lines = code.split('\n').map((line) => line.trimEnd())
  return `${lines.filter((line) => line !== '').join('\n')}`
}
