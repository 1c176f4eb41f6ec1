// Runs the test suite under every runtime that aioflux promises to work on:
//   npm run test:runtimes                      all of them
//   npm run test:runtimes node@20 bun          some
//   npm run test:runtimes deno -- test/rules   some, and only a part of the suite
// The runtimes are npm packages, kept in .cache/ and not in devDependencies: only this script needs them.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const cache = `${root}.cache/runtimes`
const VITEST = ['node_modules/vitest/vitest.mjs', 'run']

/** How each runtime starts a program, given where its package was installed. */
const RUNTIMES = {
  'node@20': node,
  'node@22': node,
  'node@24': node,
  'node@26': node,
  bun: (home) => [`${home}/node_modules/bun/bin/bun.exe`, '--bun'],
  deno: (home) => [`${home}/node_modules/deno/deno`, 'run', '-A'],
}

const { names, rest } = parse(process.argv.slice(2))
// Not every runtime follows the paths of tsconfig.json: without them, examples use the build.
spawnSync('npm', ['run', 'build', '--silent'], { cwd: root, stdio: 'inherit' })
const rows = []
for (const name of names) rows.push(await examine(name))
console.table(Object.fromEntries(rows.map(({ name, ...row }) => [name, row])))
process.exitCode = rows.every(({ passed }) => passed) ? 0 : 1

async function examine(name) {
  const [command, ...flags] = RUNTIMES[name](install(name))
  const version = spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0]
  console.log(`\n${name}: ${version}`)
  const started = performance.now()
  const { code, text } = await run(command, [...flags, ...VITEST, ...rest])
  return {
    name,
    version: version.replace(/^v|^deno | \(.*$/g, ''),
    passed: code === 0,
    tests: text.match(/^ +Tests +(.*)$/m)?.[1] ?? `exit code ${code}`,
    seconds: Math.round((performance.now() - started) / 1000),
  }
}

/** Installs a runtime unless it is there already. The folder of the Node that runs this needs none. */
function install(name) {
  const home = `${cache}/${name.replace('@', '-')}`
  if (process.version.startsWith(`v${name.split('@')[1]}.`)) return undefined
  const [packageName] = name.split('@')
  if (existsSync(`${home}/node_modules/${packageName}`)) return home
  mkdirSync(home, { recursive: true })
  writeFileSync(`${home}/package.json`, '{ "private": true }\n')
  // Their binaries come by postinstall scripts, which newer npm runs only when told to.
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', name]
  const { status } = spawnSync('npm', args, { cwd: home, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${name} could not be installed: npm ended with ${status}`)
  return home
}

function node(home) {
  return [home === undefined ? process.execPath : `${home}/node_modules/node/bin/node`]
}

/** Runs a program, shows what it says and keeps it. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, NO_COLOR: '1' } })
    let text = ''
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      from.on('data', (chunk) => {
        text += chunk
        to.write(chunk)
      })
    }
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, text }))
  })
}

/** The runtimes come first; npm takes out the `--` between them and what is for the suite. */
function parse(args) {
  const known = args.findIndex((arg) => !(arg in RUNTIMES))
  const end = known < 0 ? args.length : known
  const rest = args.slice(end).filter((arg) => arg !== '--')
  // What belongs to the suite is a flag, or a path.
  if (args[end] !== '--' && rest[0] !== undefined && !/^-|\//.test(rest[0])) {
    console.error(`no such runtime: ${rest[0]}; there are ${Object.keys(RUNTIMES).join(', ')}`)
    process.exit(2)
  }
  const names = args.slice(0, end)
  return { names: names.length > 0 ? names : Object.keys(RUNTIMES), rest }
}
