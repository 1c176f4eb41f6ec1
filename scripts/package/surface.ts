import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Entry } from './entries.ts'
import { body, type Statement, statements } from './statements.ts'

/** A name with all its declarations: overloads, or a constant and its type. */
export interface Declared {
  name: string
  /** The first docstring among the declarations. */
  doc: string
  declarations: Statement[]
}

/** What users see of one entry. */
export interface Surface {
  entry: Entry
  /** In the order of the entry's own file. */
  exported: Declared[]
  /** What is not exported itself but stands in what is: base classes, types of options. By name. */
  behind: Declared[]
}

interface Module {
  path: string
  declared: Map<string, Statement[]>
  /** Local name -> where it comes from. */
  imported: Map<string, Origin>
  exported: Map<string, Origin>
}
interface Origin {
  path: string
  name: string
}

/**
 * Reads what an entry exports, and what stands behind it, from declarations that were built into `dist`.
 * What is in `shown`, and so in an earlier entry, is not told again as standing behind; what is told here is added.
 */
export function surface(entry: Entry, dist: string, shown = new Set<string>()): Surface {
  const modules = new Map<string, Module>()
  const open = (path: string): Module => {
    const known = modules.get(path) ?? read(dist, path)
    modules.set(path, known)
    return known
  }

  /** Follows re-exports and imports to where a name is declared; `undefined` outside the package. */
  const resolve = ({ path, name }: Origin): Origin | undefined => {
    if (!path.startsWith('.') && path !== entry.types && !path.endsWith('.d.ts')) return undefined
    const module = open(path)
    if (module.declared.has(name)) return { path, name }
    const next = module.exported.get(name) ?? module.imported.get(name)
    return next === undefined ? undefined : resolve(next)
  }
  const exported = new Map<string, Origin>()
  for (const [name, origin] of open(entry.types).exported) {
    const home = resolve(origin)
    if (home === undefined) throw new Error(`${entry.name}: ${name} is declared nowhere`)
    exported.set(name, home)
  }

  for (const home of exported.values()) shown.add(id(home))
  const behind = new Map<string, Origin>()
  const queue = [...exported.values()]
  for (let home = queue.pop(); home !== undefined; home = queue.pop()) {
    const module = open(home.path)
    const code = (module.declared.get(home.name) ?? []).map(publicCode).join('\n')
    for (const word of new Set(code.match(/[A-Za-z_$][\w$]*/g))) {
      if (!module.declared.has(word) && !module.imported.has(word)) continue
      const origin = resolve({ path: home.path, name: word })
      if (origin === undefined || shown.has(id(origin))) continue
      shown.add(id(origin))
      behind.set(origin.name, origin)
      queue.push(origin)
    }
  }
  const declared = (name: string, { path, name: own }: Origin): Declared => {
    const declarations = open(path).declared.get(own) as Statement[]
    return { name, doc: declarations.find(({ doc }) => doc !== '')?.doc ?? '', declarations }
  }
  const list = (origins: Map<string, Origin>) =>
    [...origins].map(([name, origin]) => declared(name, origin))
  return { entry, exported: list(exported), behind: list(behind).sort(byName) }
}

/** A declaration without comments, and without what only the class itself and its own kind can reach. */
export function publicCode({ code }: Statement): string {
  const plain = code.replace(/^export /, '').replace(/^declare /, '')
  const parts = body(plain)
  if (parts === undefined) return plain
  const members = publicMembers(parts.inside).map((member) => `    ${member.code}`)
  return [`${parts.head} {`, ...members, '}'].join('\n')
}

/** The public members of a class or interface. */
export function publicMembers(inside: string): Statement[] {
  return statements(inside).filter(({ code }) => !/^(#|private |protected |static #)/.test(code))
}

export function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

function id({ path, name }: Origin): string {
  return `${path}#${name}`
}

function read(dist: string, path: string): Module {
  const module: Module = { path, declared: new Map(), imported: new Map(), exported: new Map() }
  for (const statement of statements(readFileSync(join(dist, path), 'utf8'))) {
    note(module, statement, dist)
  }
  return module
}

function note(module: Module, statement: Statement, dist: string): void {
  const { code } = statement
  const from = code.match(/from ['"]([^'"]+)['"]/)?.[1]
  const path = from === undefined ? module.path : target(module.path, from)
  if (/^export (type )?\*/.test(code)) {
    if (/\* as /.test(code)) throw new Error(`${module.path}: cannot follow: ${code}`)
    for (const [name, origin] of read(dist, path).exported) module.exported.set(name, origin)
    return
  }
  if (/^(import|export) (type )?\{/.test(code) || /^import /.test(code)) {
    const into = code.startsWith('import') ? module.imported : module.exported
    const list = code.match(/\{([^}]*)\}/)?.[1] ?? ''
    for (const part of list.split(',')) {
      const [name, as] = part
        .trim()
        .replace(/^type /, '')
        .split(' as ')
      if (name !== undefined && name !== '') into.set(as ?? name, { path, name })
    }
    return
  }
  const name = code.match(
    /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|function|const|let|type|enum|namespace) ([\w$]+)/,
  )?.[1]
  if (name === undefined) throw new Error(`${module.path}: what is this? ${code}`)
  module.declared.set(name, [...(module.declared.get(name) ?? []), statement])
  if (code.startsWith('export ')) module.exported.set(name, { path: module.path, name })
}

function target(path: string, from: string): string {
  if (!from.startsWith('.')) return from
  return join(dirname(path), from).replace(/\.(ts|js)$/, '.d.ts')
}
