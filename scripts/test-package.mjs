// npm run test:package: what npm test cannot do without a network. Packs, installs the tarball by npm in an empty project, and
// asks publint and are-the-types-wrong.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'aioflux-package-'))
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.entries(exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([path]) => `aioflux${path.slice(1)}`)

try {
  run('npm', ['run', 'build', '--silent'], root)
  const told = run(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', folder],
    root,
  )
  const [{ filename, size, entryCount }] = JSON.parse(told)
  console.log(`${filename}: ${Math.round(size / 1000)} kB packed, ${entryCount} files`)

  writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "private": true }\n')
  run('npm', ['i', '--no-audit', '--no-fund', join(folder, filename)], folder)
  console.log(
    `npm ls: ${run('npm', ['ls', '--all', '--parseable'], folder).trim().split('\n').length - 1} packages installed`,
  )
  // Peers are optional and not there: an entry made of one says so, all others work.
  for (const entry of entries) console.log(`${entry}: ${tried(entry)}`)
  const line = '1.2.3.4 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.1" 200 12\n'
  const args = ['aioflux', 'replay', '-', '--limit', '2/1m', '--json']
  const { requests, denied } = JSON.parse(run('npx', args, folder, line.repeat(3)))
  console.log(`npx aioflux replay: ${denied} of ${requests} denied`)
  if (requests !== 3 || denied !== 1) throw new Error('2 of 3 should have passed')

  run('npx', ['publint', '--strict'], root, '', 'inherit')
  const attw = ['-y', '@arethetypeswrong/cli', join(folder, filename), '--profile', 'esm-only']
  run('npx', attw, root, '', 'inherit')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function tried(entry) {
  const peers = Object.keys(
    JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).peerDependencies ?? {},
  )
  const programs = {
    'test.mjs': `import * as it from '${entry}'; console.log(Object.keys(it).length, 'names')`,
    'test.cjs': `console.log(Object.keys(require('${entry}')).length, 'names')`,
  }
  return Object.entries(programs)
    .map(([file, program]) => {
      writeFileSync(join(folder, file), program)
      try {
        return `${file.endsWith('mjs') ? 'import' : 'require'} ${run(process.execPath, [file], folder, '', 'pipe').trim()}`
      } catch (error) {
        const peer = peers.find((name) => String(error.stderr).includes(`'${name}'`))
        if (peer === undefined) throw error
        return `needs ${peer}`
      }
    })
    .join(', ')
}

function run(command, args, cwd, input = '', stdout = 'pipe') {
  const stdio = ['pipe', stdout, stdout === 'inherit' ? 'inherit' : 'pipe']
  return execFileSync(command, args, { cwd, input, encoding: 'utf8', stdio })
}
