import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Check, fault, ok, warning } from './check.ts'
import { isAtLeast } from './version.ts'

/** The runtime of this process. */
export function checkNode(versions: Readonly<Record<string, string | undefined>>): Check {
  for (const [name, version] of [
    ['Bun', versions['bun']],
    ['Deno', versions['deno']],
  ]) {
    if (version !== undefined) return ok('Node', `${name} ${version}`)
  }
  const version = versions['node'] ?? 'unknown'
  // Node loads ES modules with require from 20.19 and 22.12 on.
  const fits =
    isAtLeast(version, 20, 19) && (isAtLeast(version, 22, 12) || version.startsWith('20.'))
  if (fits) return ok('Node', version)
  return fault('Node', version, 'Install Node 20.19 or newer of the 20 line, or 22.12 or newer.')
}

/**
 * The client libraries that a `url` would be opened with.
 *
 * @param versions of each library the installed version, `undefined` where it is not installed
 * @param needed whether a Redis is to be asked; without a library that cannot be done
 */
export function checkClient(
  versions: Readonly<Record<'redis' | 'ioredis', string | undefined>>,
  needed: boolean,
): Check {
  const { redis, ioredis } = versions
  const used = redis !== undefined ? `redis ${redis}` : ioredis && `ioredis ${ioredis}`
  if (used !== undefined) {
    const other = redis !== undefined && ioredis !== undefined ? `; ioredis ${ioredis} too` : ''
    return ok('client', `${used}${other}`)
  }
  const found = 'neither redis nor ioredis is installed'
  if (needed) return fault('client', found, 'npm install redis')
  return warning('client', found, 'Only aioflux/redis needs one: npm install redis')
}

/** The version of a package as this package would load it; `undefined` when it is not installed. */
export function installedVersion(name: string): string | undefined {
  try {
    let folder = dirname(createRequire(import.meta.url).resolve(name))
    while (folder !== dirname(folder)) {
      const manifest = manifestOf(folder)
      if (manifest?.name === name) return manifest.version
      folder = dirname(folder)
    }
  } catch {
    // Not installed.
  }
  return undefined
}

function manifestOf(folder: string): { name?: string; version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  } catch {
    return undefined
  }
}
