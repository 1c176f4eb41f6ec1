import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, inject, it, vi } from 'vitest'
import { bundle } from './bundle.ts'
import { entriesOf, homeOf, manifestOf } from './entries.ts'

// The compiler and a process for each entry, on a machine that has other things to do.
vi.setConfig({ testTimeout: 60_000 })

const { consumer, withPeers } = inject('packed')
const entries = entriesOf(consumer)
const here = fileURLToPath(new URL('.', import.meta.url))
const tsc = join(here, '../../node_modules/typescript/bin/tsc')
/** The runtime at hand may be another, which has its own ways with `require`. */
const onNode = !('bun' in process.versions) && !('deno' in process.versions)

describe('the packed package, in an empty project', () => {
  it.each(entries)('$name can be imported', async ({ name }) => {
    const program = `const it = await import('${name}'); console.log(Object.keys(it).length > 0)`
    expect(await evaluate(await homeFor(name), program, 'module')).toEqual(saying('true\n'))
  })

  it.runIf(onNode).each(entries)('$name can be required, without a warning', async ({ name }) => {
    const program = `console.log(Object.keys(require('${name}')).length > 0)`
    expect(await evaluate(await homeFor(name), program, 'commonjs')).toEqual(saying('true\n'))
  })

  it('two entries share one copy of what they have in common', async () => {
    const program = `
      const { createLimiter, tokenBucket, OptionTypeError } = await import('aioflux')
      const { ManualClock } = await import('aioflux/testing')
      const { RedisStorage } = await import('aioflux/redis')
      let error
      try { new RedisStorage(1) } catch (thrown) { error = thrown }
      const limiter = createLimiter(tokenBucket({ rate: 1 }), { clock: new ManualClock() })
      console.log(limiter.allow(), limiter.allow(), error instanceof OptionTypeError)`
    expect(await evaluate(consumer, program, 'module')).toEqual(saying('true false true\n'))
  })

  it.each([
    ['nodenext', ['node'], ['es2023', 'esnext.disposable']],
    ['bundler', [], ['es2023', 'esnext.disposable', 'dom']],
  ])('its types hold for moduleResolution %s, without skipLibCheck', async (way, types, lib) => {
    for (const home of new Set([consumer, withPeers])) {
      const at = join(home, way)
      mkdirSync(at)
      for (const { name } of entries) {
        if ((await homeFor(name)) === home) writeConsumer(at, name)
      }
      const compilerOptions = {
        module: way === 'bundler' ? 'esnext' : way,
        moduleResolution: way,
        target: 'es2022',
        lib,
        types,
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
      }
      writeFileSync(join(at, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
      writeFileSync(join(at, 'nothing.mts'), 'export {}\n')
      expect(await run(process.execPath, [tsc, '-p', at], at)).toEqual(saying(''))
    }
  })

  it('the aioflux command runs', async () => {
    const program = join(homeOf(consumer), manifestOf(consumer).bin['aioflux'] as string)
    const line = '1.2.3.4 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.1" 200 12\n'
    const args = [program, 'replay', '-', '--limit', '2/1m', '--json']
    const { code, out, err } = await run(process.execPath, args, consumer, line.repeat(3))
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(JSON.parse(out)).toMatchObject({ requests: 3, allowed: 2, denied: 1 })
  })
})

/** The project that has what an entry needs. */
async function homeFor(entry: string): Promise<string> {
  const { needs } = await bundle(consumer, `export * from '${entry}'`)
  return needs.some(({ ofNode }) => !ofNode) ? withPeers : consumer
}

/** A program for an entry, as an ES module and in CommonJS: one that uses it, where somebody wrote one. */
function writeConsumer(at: string, entry: string): void {
  const file = entry.replace('/', '-')
  const written = join(here, 'consumers', `${file}.mts`)
  const plain = `import * as it from '${entry}'\nexport const names: string[] = Object.keys(it)\n`
  if (existsSync(written)) copyFileSync(written, join(at, `${file}.mts`))
  else writeFileSync(join(at, `${file}.mts`), plain)
  writeFileSync(join(at, `${file}.cts`), plain)
}

interface Ended {
  code: number
  out: string
  err: string
}

function saying(out: string): Ended {
  return { code: 0, out, err: '' }
}

function evaluate(cwd: string, program: string, kind: 'module' | 'commonjs'): Promise<Ended> {
  const file = join(
    cwd,
    `program-${Math.random().toString(36).slice(2)}.${kind === 'module' ? 'mjs' : 'cjs'}`,
  )
  writeFileSync(file, program)
  return run(process.execPath, [file], cwd)
}

function run(command: string, args: string[], cwd: string, stdin = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { cwd }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
    )
    child.stdin?.end(stdin)
  })
}
