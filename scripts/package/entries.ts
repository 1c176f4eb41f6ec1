import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root: string = fileURLToPath(new URL('../..', import.meta.url))

/** One way into the package, as `exports` in package.json names it. */
export interface Entry {
  /** What is imported: `aioflux`, `aioflux/redis`. */
  name: string
  /** Its source, from the root of the repository: `src/redis/index.ts`. */
  source: string
  /** Its declarations, from the folder of what was built: `redis/index.d.ts`. */
  types: string
}

export interface Manifest {
  name: string
  version: string
  repository: { url: string }
  homepage: string
  bugs: { url: string }
  bin: Record<string, string>
  exports: Record<string, string | { types: string; default: string }>
  files: string[]
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

export function manifest(): Manifest {
  return JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as Manifest
}

/** Every way into the package; all that is said or checked about entries begins here. */
export function entries(): Entry[] {
  const { name, exports } = manifest()
  return Object.entries(exports).flatMap(([path, target]) => {
    if (typeof target === 'string') return []
    const types = target.types.replace('./dist/', '')
    const source = `src/${types.replace('.d.ts', '.ts')}`
    return [{ name: path.replace('.', name), source, types }]
  })
}
