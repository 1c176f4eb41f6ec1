import { spawnSync } from 'node:child_process'
import { root } from './entries.ts'

/** The Node that runs this, or where it is not Node the first on PATH. */
export const node: string =
  process.versions['bun'] || process.versions['deno'] ? 'node' : process.execPath

/** Runs a program to its end and hands back what it said. @throws Error with all that, when it fails */
export function run(command: string, args: string[], cwd: string = root): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${status}\n${stdout}\n${stderr}`)
  return stdout
}

/** Builds the package into `outDir`; dist/ may be in use, and older than the sources. */
export function build(outDir: string, ...options: string[]): void {
  const tsc = `${root}node_modules/typescript/bin/tsc`
  run(node, [tsc, '-p', 'tsconfig.build.json', '--outDir', outDir, ...options])
  run(node, ['scripts/cjs.mjs', outDir])
}
