import { createHash } from 'node:crypto'

/** A script and its sha, by which a server knows it. */
export interface Script {
  readonly text: string
  readonly sha: string
}

export function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** Runs a script somewhere, once. */
export type RunScript = (script: Script, keys: string[], args: string[]) => Promise<unknown>
