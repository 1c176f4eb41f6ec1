import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Within the repository, where Deno looks for package.json and so for the packages it may import.
const cache = fileURLToPath(new URL('../../.cache', import.meta.url))

/** What has to be said to the runtime that runs this, so that it runs a module, TypeScript imports and all. */
const FLAGS: readonly string[] = process.versions['bun']
  ? ['--expose-gc']
  : process.versions['deno']
    ? ['run', '-A', '--v8-flags=--expose-gc']
    : ['--expose-gc', '--import', import.meta.resolve('tsx')]

/** A module in a file of its own, to be run in a process of its own: each runtime evaluates text in its own way. */
export function program(code: string): { args: string[]; [Symbol.dispose](): void } {
  mkdirSync(cache, { recursive: true })
  const dir = mkdtempSync(join(cache, 'program-'))
  const file = join(dir, 'program.mjs')
  writeFileSync(file, code)
  return {
    args: [...FLAGS, file],
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  }
}
