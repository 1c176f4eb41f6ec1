import type { Rule } from '../core/rule.ts'
import { SCRIPTS, TWINS } from './lua.generated.ts'
import { type Script, script } from './script.ts'

/** Whose time a script goes by: the server's, or (for tests that compare traces) one that is handed in first. */
export type TimeOf = 'server' | 'caller'

const linked = new Map<string, Script>()

/**
 * One script for a list of rules: their twins, which are arithmetic only, and the driver, which does all the I/O.
 *
 * The numbers of the rules are arguments, so limiters of one kind share a script whatever their quotas.
 */
export function link(rules: readonly Rule[], time: TimeOf = 'server'): Script {
  const kinds = rules.map((rule) => rule.kind)
  const name = `${time} ${kinds.join(' ')}`
  const known = linked.get(name)
  if (known !== undefined) return known
  const made = script([...head(rules, time), SCRIPTS['driver']].join('\n'))
  linked.set(name, made)
  return made
}

/** The numbers of the rules, in the order in which the script reads them. */
export function paramsOf(rules: readonly Rule[]): string[] {
  return rules.flatMap((rule) => Object.values(rule.params).map(String))
}

export function hasTwin(rule: Rule): boolean {
  return rule.kind in TWINS
}

function head(rules: readonly Rule[], time: TimeOf): string[] {
  const lines = ['local rules, params = {}, {}']
  let argument = time === 'caller' ? 2 : 1
  for (const [i, rule] of rules.entries()) {
    lines.push(`rules[${i + 1}] = (function()`, twin(rule.kind), 'end)()')
    const numbers = Object.keys(rule.params).map(
      (name) => `${name} = tonumber(ARGV[${argument++}])`,
    )
    lines.push(`params[${i + 1}] = { ${numbers.join(', ')} }`)
  }
  lines.push(`local first = ${argument}`)
  // A time to live is real time; it must not end a state while the caller's time stands still.
  lines.push(`local grace = ${time === 'caller' ? 600_000 : 0}`)
  if (time === 'caller') lines.push('local now = tonumber(ARGV[1])')
  else {
    lines.push("local time = redis.call('TIME')", 'local now = time[1] * 1000000 + time[2]')
  }
  return lines
}

/** The text of a twin, with the twins it builds on put in. */
function twin(kind: string): string {
  const text = TWINS[kind]
  if (text === undefined) throw new Error(`the rule '${kind}' has no Lua twin`)
  return text.replace(
    /require\('([\w-]+)'\)/g,
    (_, base: string) => `(function()\n${twin(base)}\nend)()`,
  )
}
