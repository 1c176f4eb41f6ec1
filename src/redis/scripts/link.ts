import type { Micros } from '../../core/duration.ts'
import type { Rule } from '../../core/rule.ts'
import { CALLS, SCRIPTS, TWINS } from './lua.generated.ts'
import { type Script, script } from './script.ts'
import { hasTwin as hasTwinOf, twin, twinFor } from './twin.ts'

/** The clock of a script: the server's, or (for tests that compare traces) a time that comes as the first argument. */
export type TimeOf = 'server' | 'caller'

/**
 * The programs that run moves: `driver` any of them on any list of rules; `single` one move, the same on states of one rule; `take`
 * reserves of 1 where the rule has a shorter way for them. The less a program can do, the less a server has to set up.
 */
export type Program = 'driver' | 'single' | 'take'

const linked = new Map<string, Script>()

/**
 * One script for a list of rules: their twins, which are arithmetic only, and a program, which does all the I/O.
 *
 * The numbers of the rules are arguments, so limiters of one kind share a script whatever their quotas.
 */
export function link(
  rules: readonly Rule[],
  program: Program = 'driver',
  time: TimeOf = 'server',
): Script {
  const kinds = rules.map((rule) => rule.kind)
  const name = `${time} ${program} ${kinds.join(' ')}`
  const known = linked.get(name)
  if (known !== undefined) return known
  const made = script(
    [...head(rules, program, time), SCRIPTS['prelude'], SCRIPTS[program]].join('\n'),
  )
  linked.set(name, made)
  return made
}

/**
 * The numbers of the rules, in the order in which the script reads them.
 *
 * @param at the present in microseconds since 1970, for rules that go by the calendar
 * @param offset how far that is ahead of the time that the script goes by
 */
export function paramsOf(rules: readonly Rule[], at: Micros = 0, offset: Micros = 0): string[] {
  return rules.flatMap((rule) =>
    Object.values({ ...rule.params, ...rule.present?.(at, offset) }).map(String),
  )
}

const TAKE = CALLS['take'] as readonly string[]
// Called for every batch, so the result is kept.
const TAKING = new Set(Object.keys(TWINS).filter((kind) => twinFor(kind, TAKE)))

export function hasTwin(rule: Rule): boolean {
  return hasTwinOf(rule.kind)
}

/** True when the rule has a shorter way for reserves of 1. */
export function takes({ kind }: Rule): boolean {
  return TAKING.has(kind)
}

function head(rules: readonly Rule[], program: Program, time: TimeOf): string[] {
  const lines: string[] = []
  let argument = time === 'caller' ? 2 : 1
  const params = (rule: Rule) => {
    const numbers = Object.keys({ ...rule.params, ...rule.present?.(0, 0) }).map(
      (name) => `${name} = tonumber(ARGV[${argument++}])`,
    )
    return `{ ${numbers.join(', ')} }`
  }
  if (program === 'driver') {
    lines.push('local rules, params = {}, {}')
    for (const [i, rule] of rules.entries()) {
      lines.push(`rules[${i + 1}] = (function()`, twin(rule.kind), 'end)()')
      lines.push(`params[${i + 1}] = ${params(rule)}`)
    }
  } else {
    const [rule] = rules as readonly [Rule]
    lines.push(twin(rule.kind, CALLS[program]).replace(/\nreturn rule$/, ''))
    lines.push(`local params = ${params(rule)}`)
  }
  lines.push(`local first = ${argument}`)
  // A time to live passes in real time: it must not end a state while the handed-in time stands still.
  lines.push(`local grace = ${time === 'caller' ? 600_000 : 0}`)
  if (time === 'caller') lines.push('local now = tonumber(ARGV[1])')
  else {
    lines.push("local time = redis.call('TIME')", 'local now = time[1] * 1000000 + time[2]')
  }
  return lines
}
