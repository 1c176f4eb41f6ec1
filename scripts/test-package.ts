// What the tests cannot do without the network, and what takes long. The packed tarball in an empty project, installed by npm:
//   - a fresh clone and an empty project, followed through README.md and README.ru.md, as ES modules and as CommonJS
//   - every entry imported and required, and Jest as docs/guide.md sets it up, under each Node
//   - the guides for moving: each program compiled against the tarball, and run beside its peer; once more with peers that need Node 22
//   - apps of Nitro 2 and 3 behind rateLimitH3, built, and asked over HTTP
//   - are-the-types-wrong, for every way to resolve
// npm run test:package                the Nodes are 20, 22, 24 and 26, from npm
// npm run test:package -- 22          only Node 22 and the one that runs this
// AIOFLUX_SHORT=1 npm run test:package   only the Node that runs this, and nothing that needs more than npm install: no Nitro, no later
//                                        peers, no are-the-types-wrong. For CI.
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedis } from '../test/support/redis-server.ts'
import { node, run } from './package/build.ts'
import { entries, root } from './package/entries.ts'
import { underNitro } from './package/nitro.ts'
import { program, readme } from './package/readme.ts'

const asked = process.argv.slice(2)
const own = process.version.match(/\d+/)?.[0]
const short = process.env['AIOFLUX_SHORT'] === '1'
const wanted = short ? [] : asked.length > 0 ? asked : ['20', '22', '24', '26']
const releases = wanted.filter((one) => one !== own)
const READMES = ['README.md', 'README.ru.md']
const WARNINGS = "process.on('warning', (w) => { console.error(w); process.exitCode = 1 });"

const TYPESCRIPT = {
  strict: true,
  target: 'es2022',
  lib: ['esnext', 'dom', 'dom.asynciterable'],
  module: 'nodenext',
  types: ['node'],
  outDir: 'out',
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>
}

const LOG_LINE =
  '203.0.113.7 - - [10/Oct/2024:13:55:36 +0000] "GET / HTTP/1.1" 200 2326 "-" "curl/8.5.0"'

const home = mkdtempSync(join(tmpdir(), 'aioflux-package-'))
const clone = join(home, 'aioflux')
const project = join(home, 'project')
try {
  await followTheReadmes()
  for (const command of [[node], ...releases.map(nodeFromNpm)]) underNode(command)
  followTheGuides()
  if (!short) {
    withLaterPeers()
    const tarball = pack()
    await underNitro(home, tarball)
    judgeTheTypes(tarball)
  }
} finally {
  rmSync(home, { recursive: true })
}

/** A clone, an empty project beside it, and then what the READMEs say, word for word. */
async function followTheReadmes(): Promise<void> {
  run('git', ['clone', '--quiet', '--depth', '1', `file://${root}`, clone])
  mkdirSync(project)
  write('package.json', '{ "private": true }')
  const [english, ...others] = READMES.map(readme) as [ReturnType<typeof readme>]
  for (const other of others) {
    if (JSON.stringify(other) !== JSON.stringify(english)) {
      throw new Error('the READMEs have different code or commands')
    }
  }
  const [pack, install] = english.install
  shell(pack, clone)
  shell(install, project)
  // What else such a reader has installed: the client of Redis, the framework, and TypeScript.
  const { devDependencies: versions } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const tools = ['redis', 'express', '@types/express', '@types/node', 'typescript']
  npmInstall(...tools.map((name) => `${name}@${versions[name]}`))

  write('access.log', `${LOG_LINE}\n`.repeat(500))
  for (const block of english.inProject) {
    for (const line of block.split('\n')) {
      const said = shell(line, project)
      console.log(`README: ${line}: ${said.split('\n').filter((text) => text.trim())[0]}`)
    }
  }
  for (const command of english.inClone) {
    // That one is what runs all of this.
    if (command.endsWith('npm test')) continue
    shell(command.replace('npm ci && ', ''), clone)
    console.log(`README: ${command}: done in the clone`)
  }

  await using redis = await startRedis()
  for (const name of READMES) {
    for (const [kind, type] of [
      ['esm', 'module'],
      ['cjs', 'commonjs'],
    ] as const) {
      await redis.command('FLUSHALL')
      write('package.json', JSON.stringify({ ...readJson('package.json'), type }))
      write('readme.ts', program(readme(name), redis.url, kind))
      write('tsconfig.json', JSON.stringify({ compilerOptions: TYPESCRIPT, files: ['readme.ts'] }))
      run(node, [join(project, 'node_modules/typescript/bin/tsc')], project)
      const said = run(node, ['-e', `${WARNINGS} import('./out/readme.js')`], project)
      const wanted = [...readme(name).claims, 'read to the end'].join('\n')
      if (said.trim() !== wanted)
        throw new Error(`${name}, ${kind}, printed\n${said}not\n${wanted}`)
      console.log(`${name}, ${type}: compiles and prints what it claims`)
    }
  }
}

/** Every entry, and a test of Jest, under one Node. */
function underNode(command: string[]): void {
  const [file, ...args] = command as [string]
  const version = run(file, [...args, '--version'], project).trim()
  write('package.json', JSON.stringify({ ...readJson('package.json'), type: 'commonjs' }))
  const script = entries()
    .map(({ name }) => `[await import('${name}'), require('${name}')]`)
    .join(', ')
  // A name that is another thing when it is required would be a second copy of the package.
  write(
    'entries.js',
    `${WARNINGS} void (async () => { for (const [esm, cjs] of [${script}]) {
      const names = Object.keys(esm).filter((name) => name !== 'module.exports')
      if (names.length === 0) throw new Error('exports nothing')
      for (const name of names) if (esm[name] !== cjs[name]) throw new Error(name + ' differs')
    } })()`,
  )
  run(file, [...args, join(project, 'entries.js')], project)
  console.log(`Node ${version}: ${entries().length} entries imported and required, and the same`)
  underJest(file, args, version)
}

/** Jest with the configuration of docs/guide.md; under Node 24.9 or newer also without one, by a flag of Node. */
function underJest(file: string, args: string[], version: string): void {
  npmInstall('jest@30', '@babel/preset-env@7')
  const names = JSON.stringify(entries().map(({ name }) => name))
  write(
    'required.test.js',
    `test.each(${names})('%s', (name) => expect(Object.keys(require(name)).length).toBeGreaterThan(0))
     test('a limit', () => expect(require('aioflux').LimiterFactory.tokenBucket({ rate: 1 }).allow()).toBe(true))`,
  )
  write(
    'imported.test.js',
    `import { LimiterFactory } from 'aioflux'
     test('a limit', () => expect(LimiterFactory.tokenBucket({ rate: 1 }).allow()).toBe(true))`,
  )
  write('jest.config.cjs', readFileSync(`${root}examples/jest.config.cjs`, 'utf8'))
  const jest = [...args, join(project, 'node_modules/jest/bin/jest.js'), '--silent']
  run(file, jest, project)
  const bare = atLeast(version, 24, 9)
  if (bare) {
    rmSync(join(project, 'jest.config.cjs'))
    run(
      file,
      [...args, '--experimental-vm-modules', ...jest.slice(args.length), 'required'],
      project,
    )
  }
  console.log(`Jest under Node ${version}: as docs/guide.md says${bare ? ', and by a flag' : ''}`)
}

/** Each guide for moving, as a user follows it: the tarball, the peer and TypeScript in one project, and the code of the guide. */
function followTheGuides(): void {
  const names = readdirSync(`${root}examples/moving`).map((file) => file.replace('.ts', ''))
  const { packages } = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as Lock
  // What the programs import besides their peer; the Python package has none.
  const besides = ['express', 'ioredis', 'redis', '@types/express', '@types/node', 'typescript']
  const peers = [...names, ...besides].flatMap((name) => {
    const version = packages[`node_modules/${name}`]?.version
    return version === undefined ? [] : [`${name}@${version}`]
  })
  if (peers.length < names.length + besides.length - 1) throw new Error('a guide without its peer')
  write('package.json', JSON.stringify({ ...readJson('package.json'), type: 'module' }))
  npmInstall(...peers)
  cpSync(`${root}examples/moving`, join(project, 'moving'), { recursive: true })
  cpSync(`${root}examples/find-redis.mts`, join(project, 'find-redis.mts'))
  const compilerOptions = { ...TYPESCRIPT, rewriteRelativeImportExtensions: true, outDir: 'guides' }
  const files = names.map((name) => `moving/${name}.ts`)
  write('tsconfig.json', JSON.stringify({ compilerOptions, files }))
  run(node, [join(project, 'node_modules/typescript/bin/tsc')], project)
  for (const name of names) {
    const said = run(
      node,
      ['--no-warnings', join(project, `guides/moving/${name}.js`)],
      project,
    ).trim()
    const wanted = claimsOf(readFileSync(`${root}examples/moving/${name}.ts`, 'utf8'))
    if (!wanted.test(said))
      throw new Error(`the guide from ${name} printed\n${said}\nnot\n${wanted}`)
    console.log(`the guide from ${name}: compiles, and prints what it claims beside its peer`)
  }
}

/** What a program says that it prints, as a pattern: `…` stands for what varies. */
function claimsOf(source: string): RegExp {
  const claims = [...source.matchAll(/\/\/ =>(?: (.*))?$/gm)].map(([, text]) => text ?? '')
  const escaped = claims.join('\n').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('…', '.+')}$`)
}

/** The examples of the guides for moving, with the releases that the tables of README speak of and the tests cannot run. */
function withLaterPeers(): void {
  const table =
    readFileSync(`${root}README.md`, 'utf8').split('### How the comparison was checked')[1] ?? ''
  const later = [...table.matchAll(/^\| (\S+) \| (\d\S*) \| (\d\S*) \|$/gm)]
    .map((row) => row.slice(1) as [name: string, release: string, run: string])
    .filter(([, release, ran]) => !ran.startsWith(release))
  if (later.length === 0)
    throw new Error('README.md names no release later than those that were run')
  write('package.json', JSON.stringify({ ...readJson('package.json'), type: 'module' }))
  npmInstall(...later.map(([name, release]) => `${name}@${release}`))
  const [file, ...args] = nodeFromNpm('22') as [string]
  for (const [name, release] of later) {
    const source = readFileSync(`${root}examples/moving/${name}.ts`, 'utf8')
    write(`${name}.ts`, source)
    const wanted = claimsOf(source)
    const said = run(file, [...args, '--no-warnings', join(project, `${name}.ts`)], project).trim()
    if (!wanted.test(said)) throw new Error(`${name} ${release} printed\n${said}\nnot\n${wanted}`)
    console.log(`examples/moving/${name}.ts with ${name} ${release}: prints what it claims`)
  }
}

function pack(): string {
  return join(home, run('npm', ['pack', '--silent', '--pack-destination', home], clone).trim())
}

function judgeTheTypes(tarball: string): void {
  // All but node10, which does not read `exports`.
  const strict = ['--profile', 'node16']
  console.log(run('npx', ['-y', '@arethetypeswrong/cli', tarball, ...strict], root))
}

function nodeFromNpm(release: string): string[] {
  return ['npm', 'exec', '--yes', `--package=node@${release}`, '--', 'node']
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.replace('v', '').split('.').map(Number)
  return ownMajor > major || (ownMajor === major && ownMinor >= minor)
}

function npmInstall(...names: string[]): void {
  run('npm', ['install', '--no-audit', '--no-fund', ...names], project)
}

function shell(command: string, cwd: string): string {
  return run('bash', ['-euo', 'pipefail', '-c', command], cwd)
}

function write(name: string, text: string): void {
  writeFileSync(join(project, name), text)
}

function readJson(name: string): object {
  return JSON.parse(readFileSync(join(project, name), 'utf8')) as object
}
