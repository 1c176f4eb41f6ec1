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

/** Two empty projects that have installed the package. */
export interface Packed {
  /** With what the package depends on. */
  readonly consumer: string
  /** With the packages, too, that some entries work with where a user has them. */
  readonly withPeers: string
}

/**
 * Builds the sources as they are now, packs them, and unpacks the tarball in the node_modules of empty projects beside
 * links to what the package depends on: what `npm i` would lay there, without a network.
 */
export function pack(): Packed & { remove: () => void } {
  // By its real name: tools that resolve links must find the project where it says it is.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'aioflux-packed-')))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const { dependencies, peerDependencies } = manifest()
  try {
    const tarball = build(join(folder, 'package'))
    const consumer = join(folder, 'consumer')
    const withPeers = join(folder, 'with-peers')
    install(tarball, consumer, dependencies)
    install(tarball, withPeers, { ...dependencies, ...peerDependencies })
    return { consumer, withPeers, remove }
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

function install(tarball: string, at: string, others: object): void {
  const home = join(at, 'node_modules', 'aioflux')
  mkdirSync(home, { recursive: true })
  run('tar', ['-xzf', tarball, '-C', home, '--strip-components=1'])
  writeFileSync(join(at, 'package.json'), '{ "name": "consumer", "private": true }\n')
  // For consumers that are programs for Node, in TypeScript.
  for (const name of [...Object.keys(others), '@types/node', 'undici-types']) link(name, at)
}

/** Lets the project at `at` find a package that this checkout has. */
function link(name: string, at: string): void {
  const to = join(at, 'node_modules', name)
  mkdirSync(dirname(to), { recursive: true })
  symlinkSync(realpathSync(join(modules, name)), to, 'junction')
}

interface Manifest {
  readonly files: string[]
  readonly dependencies: Record<string, string>
  readonly peerDependencies: Record<string, string>
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
}

function run(command: string, args: string[], cwd = root): string {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
