import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const modules = join(root, 'node_modules')

/**
 * Builds the sources as they are now, packs them, and unpacks the tarball in the node_modules of an empty project beside
 * links to what the package depends on: what `npm i` would lay there, without a network.
 */
export function pack(): { folder: string; tarball: string; remove: () => void } {
  // By its real name: tools that resolve links must find the project where it says it is.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'aioflux-packed-')))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const tarball = build(join(folder, 'package'))
    const consumer = join(folder, 'consumer')
    install(tarball, consumer)
    return { folder: consumer, tarball, remove }
  } catch (error) {
    remove()
    throw error
  }
}

/** The tarball of the sources as they are now, built beside the checkout and not in it. */
function build(at: string): string {
  mkdirSync(at)
  for (const name of [...manifest().files, 'package.json', 'README.md', 'LICENSE']) {
    if (name !== 'dist' && existsSync(join(root, name))) {
      cpSync(join(root, name), join(at, name), { recursive: true })
    }
  }
  run(process.execPath, [
    join(modules, 'typescript/bin/tsc'),
    '-p',
    join(root, 'tsconfig.build.json'),
    '--outDir',
    join(at, 'dist'),
  ])
  const told = run('npm', ['pack', '--ignore-scripts', '--json'], at)
  const [{ filename }] = JSON.parse(told) as [{ filename: string }]
  return join(at, filename)
}

function install(tarball: string, at: string): void {
  const home = join(at, 'node_modules', 'aioflux')
  mkdirSync(home, { recursive: true })
  run('tar', ['-xzf', tarball, '-C', home, '--strip-components=1'])
  writeFileSync(join(at, 'package.json'), '{ "name": "consumer", "private": true }\n')
  for (const name of Object.keys(manifest().dependencies)) link(name, at)
}

/** Lets the project at `at` find a package that this checkout has. */
export function link(name: string, at: string): void {
  const to = join(at, 'node_modules', name)
  if (existsSync(to)) return
  mkdirSync(dirname(to), { recursive: true })
  symlinkSync(realpathSync(join(modules, name)), to, 'junction')
}

function manifest(): { files: string[]; dependencies: Record<string, string> } {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
}

export function run(command: string, args: string[], cwd = root): string {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
