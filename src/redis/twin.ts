import { TWINS } from './lua.generated.ts'

/** A function of a twin, or what stands between them. */
interface Part {
  readonly text: string
  /** What it is called by: `rule.reserve`, or a name of its own. */
  readonly name: string | undefined
}

export function hasTwin(kind: string): boolean {
  return kind in TWINS
}

/** Does the twin of this kind have a function of that name, its own or of the twin it builds on? */
export function twinHas(kind: string, name: string): boolean {
  return partsOf(kind).some((part) => part.name === `rule.${name}`)
}

/**
 * The text of a twin, with the one it builds on put in.
 *
 * @param wanted what of it is going to be called: a server makes every function anew in each call, so those that are not
 * called by anybody are left out. All of it by default.
 */
export function twin(kind: string, wanted?: readonly string[]): string {
  return textOf(kind, wanted && calledBy(partsOf(kind), wanted))
}

function textOf(kind: string, called: ReadonlySet<string> | undefined): string {
  return ownParts(kind)
    .filter(({ name }) => name === undefined || called === undefined || called.has(name))
    .map(({ text }) => text)
    .join('\n')
    .replace(BASE, (_, base: string) => `(function()\n${textOf(base, called)}\nend)()`)
}

/** What is wanted, and all that is called by it. */
function calledBy(parts: readonly Part[], wanted: readonly string[]): ReadonlySet<string> {
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

const BASE = /require\('([\w-]+)'\)/g

/** Those of a twin, and of the twins it builds on. */
function partsOf(kind: string): Part[] {
  const own = ownParts(kind)
  const bases = [...(TWINS[kind] ?? '').matchAll(BASE)].flatMap(([, base]) =>
    partsOf(base as string),
  )
  return [...own, ...bases]
}

/** Empty lines are what divides them. */
function ownParts(kind: string): Part[] {
  const text = TWINS[kind]
  if (text === undefined) throw new Error(`the rule '${kind}' has no Lua twin`)
  return text.split('\n\n').map((part) => {
    const [, called, alias] = /^(?:local )?function ([\w.]+)|^local (\w+) = rule\./.exec(part) ?? []
    return { text: part, name: called ?? alias }
  })
}
