import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { build, node, run } from '../../scripts/package/build.ts'
import { entries, manifest, root } from '../../scripts/package/entries.ts'
import { readme } from '../../scripts/package/readme.ts'

/** Entries that promise to need neither Node nor its types. */
const WEB = ['aioflux', 'aioflux/http', 'aioflux/metrics', 'aioflux/otel', 'aioflux/testing']

/** What npm would publish, unpacked into a project that has nothing else but the packages that aioflux asks for. */
describe('the packed package', { timeout: 60_000 }, () => {
  const home = mkdtempSync(join(tmpdir(), 'aioflux-pack-'))
  const project = join(home, 'project')
  beforeAll(() => {
    pack(home, project)
  }, 60_000)
  afterAll(() => rmSync(home, { recursive: true }))

  it.each(entries())('$name can be imported and required, without a warning', async (entry) => {
    const module: object = await import(join(root, entry.source))
    const names = JSON.stringify(Object.keys(module).sort())
    const show =
      'console.log(JSON.stringify(Object.keys(m).filter((k) => k !== "module.exports").sort()))'
    const esm = `const m = await import('${entry.name}'); ${show}`
    const cjs = `const m = require('${entry.name}'); ${show}`
    for (const [type, code] of [
      ['module', esm],
      ['commonjs', cjs],
    ] as const) {
      const said = run(node, [`--input-type=${type}`, '-e', `${STRICT}${code}`], project)
      expect(said.trim(), type).toBe(names)
    }
    // A second copy of the package would have classes of its own.
    const same = `import('${entry.name}').then((esm) => {
      const cjs = require('${entry.name}')
      console.log(${names}.filter((name) => esm[name] !== cjs[name]))
    })`
    expect(run(node, ['--input-type=commonjs', '-e', same], project).trim()).toBe('[]')
  })

  it.each(['README.md', 'README.ru.md'])('the first program of %s runs as it stands', (page) => {
    const [code = ''] = readme(page).code
    writeFileSync(join(project, 'first.mjs'), code)
    const said = 'call 101 is denied\n'
    expect(run(node, ['first.mjs'], project)).toBe(said)
    // The README says how to write it in CommonJS.
    const body = code.replace(/^import (.*) from (.*)$/m, 'const $1 = require($2)')
    writeFileSync(join(project, 'first.cjs'), `void (async () => {\n${body}})()`)
    expect(run(node, ['first.cjs'], project)).toBe(said)
  })

  it('has its command', () => {
    const [bin] = Object.values(manifest().bin)
    expect(run(node, [join(project, 'node_modules/aioflux', bin!), '--help'], project)).toContain(
      'replay',
    )
  })

  it('carries what it should and nothing else', () => {
    const home = join(project, 'node_modules/aioflux')
    for (const name of ['dist', 'docs', 'README.md', 'LICENSE', 'SECURITY.md', 'package.json']) {
      expect(existsSync(join(home, name)), name).toBe(true)
    }
    for (const name of ['src', 'test', 'bench', 'scripts', 'node_modules']) {
      expect(existsSync(join(home, name)), name).toBe(false)
    }
    const built = readdirSync(join(home, 'dist'), { recursive: true, encoding: 'utf8' })
    expect(built).toContain('index.js')
    expect(built.filter((name) => name.endsWith('.map'))).toEqual([])
    // A comment that names a map makes debuggers look for it.
    expect(readFileSync(join(home, 'dist/index.js'), 'utf8')).not.toContain('sourceMappingURL')
  })

  it('runs nothing when it is installed', () => {
    const text = readFileSync(join(project, 'node_modules/aioflux/package.json'), 'utf8')
    const { scripts } = JSON.parse(text) as { scripts: Record<string, string> }
    expect(scripts).toHaveProperty('prepack')
    for (const name of ['preinstall', 'install', 'postinstall', 'preprepare', 'prepare']) {
      expect(scripts, name).not.toHaveProperty([name])
    }
  })

  it('its pages lead only to what it carries', () => {
    const home = join(project, 'node_modules/aioflux')
    const pages = (readdirSync(home, { recursive: true }) as string[]).filter((path) =>
      path.endsWith('.md'),
    )
    expect(pages).toContain('docs/README.md')
    for (const page of pages) {
      const text = readFileSync(join(home, page), 'utf8')
      for (const [, link = ''] of text.matchAll(/\]\(([^)#\s]+)/g)) {
        if (/^[a-z]+:/.test(link)) continue
        expect(existsSync(join(home, dirname(page), link)), `${page}: ${link}`).toBe(true)
      }
    }
  })

  it.each(['nodenext', 'bundler'])('types are sound, resolved by %s', (resolution) => {
    check(
      project,
      resolution,
      entries().map(({ name }) => name),
      { types: ['node'] },
    )
  })

  it.each([
    ['nodenext', 'nodenext'],
    ['node20', 'node16'],
    // These describe a Node without `require` of ES modules.
    ['node18', 'node16'],
    ['node16', 'node16'],
    ['commonjs', 'bundler'],
  ])('a CommonJS file may import every entry: module %s, resolved by %s', (module, resolution) => {
    check(
      project,
      resolution,
      entries().map(({ name }) => name),
      { types: ['node'], module },
      'consumer.cts',
    )
  })

  it.each(WEB)('types of %s need those of the web, and no setting of lib', (name) => {
    check(project, 'bundler', [name], {
      types: [],
      lib: ['es2022', 'dom'],
    })
  })
})

/** A warning of the process, as of requiring a module before Node 20.19, becomes a failure. */
const STRICT =
  "process.on('warning', (warning) => { console.error(warning); process.exitCode = 1 });"

function pack(home: string, project: string): void {
  const stage = join(home, 'stage')
  mkdirSync(stage)
  for (const name of ['package.json', 'README.md', 'LICENSE', ...manifest().files]) {
    if (name === 'dist' || !existsSync(root + name)) continue
    cpSync(root + name, join(stage, name), { recursive: true })
  }
  build(join(stage, 'dist'))
  const [{ filename }] = JSON.parse(run('npm', ['pack', '--ignore-scripts', '--json'], stage))
  const into = join(project, 'node_modules/aioflux')
  mkdirSync(into, { recursive: true })
  run('tar', ['-xzf', join(stage, filename), '--strip-components=1', '-C', into])
  const { dependencies = {}, peerDependencies = {} } = manifest()
  for (const name of [
    ...Object.keys({ ...dependencies, ...peerDependencies }),
    '@types/node',
    'undici-types',
  ]) {
    const link = join(project, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    if (existsSync(`${root}node_modules/${name}`)) symlinkSync(`${root}node_modules/${name}`, link)
  }
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }')
}

function check(
  project: string,
  resolution: string,
  names: string[],
  options: object,
  file = 'consumer.ts',
): void {
  const lines = names.map(
    (name, i) =>
      `import * as all${i} from '${name}'\nexport const names${i}: string[] = Object.keys(all${i})`,
  )
  writeFileSync(join(project, file), [...lines, names.includes('aioflux') ? USE : ''].join('\n'))
  compile(project, resolution, options, file)
}

function compile(project: string, resolution: string, options: object, file: string): void {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable', 'esnext.decorators'],
    module: resolution === 'bundler' ? 'esnext' : 'nodenext',
    moduleResolution: resolution,
    ...options,
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }))
  run(node, [`${root}node_modules/typescript/bin/tsc`, '-p', project])
}

const USE = `
import { createLimiter, type Decision, LimiterFactory, QueueFactory, tokenBucket } from 'aioflux'
const limiter = createLimiter(tokenBucket({ rate: 10, per: '1s' }))
export const at: boolean = limiter.allow('user')
export const later: Promise<Decision> = LimiterFactory.slidingWindow({ rate: 1 }).consume('user')
export const queue = QueueFactory.fifo<string, number>({ handler: (item) => item.length })
// @ts-expect-error a rate is needed
tokenBucket({ per: '1s' })
`
