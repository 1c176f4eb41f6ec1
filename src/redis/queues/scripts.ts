import { QUEUE_PARTS, SCRIPTS } from '../scripts/lua.generated.ts'
import { type Script, script } from '../scripts/script.ts'
import { twin } from '../scripts/twin.ts'

/** The features that a queue uses. Its scripts have only the code for these: a shorter script is cheaper in each call. */
export interface Form {
  /** True when there are groups, or keys. */
  readonly routed: boolean
  /** The kind of rule of its limit, or 'none'. */
  readonly limit: string
}

/** `step` claims and ends, `put` adds jobs; the others are for looking and acting by hand. */
export type QueueScript = 'put' | 'step' | 'declare' | 'look' | 'change'

const ENDING: readonly QueueScript[] = ['step', 'change']
const linked = new Map<string, Script>()

/** A script of a queue of that form. */
export function queueScript(name: QueueScript, { routed, limit }: Form): Script {
  // Only taking and ending claims has to do with limits.
  const kind = name === 'step' ? limit : undefined
  const id = `${name} ${routed} ${kind}`
  const known = linked.get(id)
  if (known !== undefined) return known
  const forms = `local ROUTED, KIND = ${routed}, ${kind === undefined ? 'nil' : `'${kind}'`}`
  const parts = [QUEUE_PARTS['head'], QUEUE_PARTS['rare'], QUEUE_PARTS['asked']]
  if (kind !== undefined && kind !== 'none') {
    parts.push('local rule = (function()', twin(kind, CALLED), 'end)()')
    parts.push(
      "local grace = ARGV[1] == '' and 0 or 600000",
      SCRIPTS['prelude'],
      QUEUE_PARTS['limit'],
    )
  } else parts.push('local leave, stay, left, params')
  parts.push(QUEUE_PARTS[routed ? 'routed' : 'plain'])
  if (ENDING.includes(name)) parts.push(QUEUE_PARTS['ending'])
  parts.push(QUEUE_PARTS[name])
  const made = script(nested([forms, QUEUE_PARTS['given']], lean(parts.join('\n\n'))))
  linked.set(id, made)
  return made
}

/**
 * Puts `inner` into a function of its own, below `outer`. A server makes every function anew in each call: it searches the list of local
 * variables for each variable of the same level that a function uses, but not for variables of the level above.
 */
function nested(outer: readonly (string | undefined)[], inner: string): string {
  return [...outer, 'return (function()', inner, 'end)()'].join('\n\n')
}

/** Leaves out the functions that nothing calls: a server makes every function anew in each call. Empty lines divide them. */
function lean(text: string): string {
  const blocks = text.split('\n\n')
  const isCalled = (block: string) => {
    const [, name] = /^local function (\w+)/.exec(block) ?? []
    if (name === undefined) return true
    const mention = new RegExp(`\\b${name}\\b`)
    return blocks.some((other) => other !== block && mention.test(other))
  }
  const called = blocks.filter(isCalled)
  return called.length === blocks.length ? text : lean(called.join('\n\n'))
}

/** The functions of a twin that `limit.lua` calls. */
const CALLED = ['fresh', 'reserve', 'refund', 'remaining', 'idle_after']
