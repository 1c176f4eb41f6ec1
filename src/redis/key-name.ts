import { createHash } from 'node:crypto'

/** How many tags the keys of a storage are spread over: enough to spread over a cluster, few enough to travel together. */
const TAGS = 256
/** Longer keys are named by their hash. */
const LONGEST = 256

/**
 * The names of states in Redis: `prefix:{tag}:kind:scope:key`.
 *
 * The tag is a number made of the user's key alone, so in a Cluster the states of one key under several scopes lie in one
 * slot, where a composite can move them together, and keys with the same tag can travel in one call. The lengths of the
 * parts are not ambiguous: the kind has no colon, and the scope is escaped.
 */
export function stateNames(prefix: string, kind: string, scope: string): (key: string) => string {
  const middle = stateMiddle(kind, scope)
  return (key) => `${prefix}:${tagOf(key)}${middle}${short(key)}`
}

/** The part of the name of a state between the tag and the key: kind and scope. */
export function stateMiddle(kind: string, scope: string): string {
  return `:${kind}:${escaped(scope)}:`
}

/** The name of a user's own value. */
export function valueName(prefix: string, key: string): string {
  return `${prefix}:${tagOf(key)}:value:${short(key)}`
}

/** The tag of a key: in a Cluster, only states of one tag can be moved in one call. */
export function tagOf(key: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return `{${(hash >>> 0) % TAGS}}`
}

function escaped(scope: string): string {
  return scope.replaceAll('%', '%25').replaceAll(':', '%3A')
}

/** A key as it is written in names: a long one as its hash. */
export function short(key: string): string {
  return key.length <= LONGEST ? key : `#${createHash('sha256').update(key).digest('hex')}`
}
