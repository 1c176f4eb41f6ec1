import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { run } from '../../scripts/package/build.ts'
import { root } from '../../scripts/package/entries.ts'

/** What a source is compiled to. */
const COMPILED = /\.(?:c?js|d\.c?ts)(?:\.map)?$/

/** The most bytecodes of a function that V8 compiles into its callers: `--max-inlined-bytecode-size`. */
const MOST_INLINED = 460

/** How many bytecodes the longest function of that name has, of the functions that a program runs. */
function bytecodes(name: string, source: string): number {
  const { stdout } = spawnSync(
    process.execPath,
    [
      ...['--print-bytecode', `--print-bytecode-filter=${name}`],
      ...['--input-type=module', '--eval', source],
    ],
    { encoding: 'utf8', maxBuffer: 2 ** 28 },
  )
  const lengths = [...stdout.matchAll(/^Bytecode length: (\d+)$/gm)].map(([, length]) =>
    Number(length),
  )
  return Math.max(0, ...lengths)
}

/** V8 alone is asked so. */
const isNode = process.versions['bun'] === undefined && process.versions['deno'] === undefined

describe('npm run build', { timeout: 120_000 }, () => {
  const home = mkdtempSync(join(tmpdir(), 'aioflux-build-'))
  afterAll(() => rmSync(home, { recursive: true }))

  it('leaves in dist what has a source, and nothing of an older layout', () => {
    for (const name of ['package.json', 'tsconfig.json', 'tsconfig.build.json']) {
      copyFileSync(join(root, name), join(home, name))
    }
    cpSync(join(root, 'src'), join(home, 'src'), { recursive: true })
    mkdirSync(join(home, 'scripts'))
    copyFileSync(join(root, 'scripts/cjs.mjs'), join(home, 'scripts/cjs.mjs'))
    symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'))
    mkdirSync(join(home, 'dist', 'gone'), { recursive: true })
    for (const name of ['module.js', 'module.d.ts', 'module.js.map']) {
      writeFileSync(join(home, 'dist', 'gone', name), '')
    }
    run('npm', ['run', 'build', '--silent'], home)
    const built = readdirSync(join(home, 'dist'), { recursive: true, encoding: 'utf8' }).filter(
      (name) => COMPILED.test(name),
    )
    expect(built).toContain('index.js')
    const orphans = built.filter(
      (name) => !existsSync(join(home, 'src', name.replace(COMPILED, '.ts'))),
    )
    expect(orphans).toEqual([])
  })

  it.skipIf(!isNode)(
    'makes the direct route of a queue one function, which V8 compiles by itself',
    () => {
      const index = pathToFileURL(join(home, 'dist/index.js')).href
      const length = bytecodes(
        'begin',
        `import { QueueFactory } from '${index}'
       QueueFactory.fifo({ handler: () => {} }).start().offer(1)`,
      )
      expect(length).toBeGreaterThan(MOST_INLINED)
    },
  )
})
