// What the tests cannot do without the network, and what takes long: npm installs the packed tarball into an empty
// project, every entry is imported and required there, and are-the-types-wrong judges the types.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { node, run } from './package/build.ts'
import { entries, root } from './package/entries.ts'

const home = mkdtempSync(join(tmpdir(), 'aioflux-package-'))
try {
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', '--json', '--silent', '--pack-destination', home]),
  )
  const tarball = join(home, filename)
  writeFileSync(join(home, 'package.json'), '{ "private": true }')
  run('npm', ['install', '--no-audit', '--no-fund', tarball], home)
  for (const { name } of entries()) {
    const count = 'console.log(Object.keys(m).length)'
    const esm = run(
      node,
      ['--input-type=module', '-e', `const m = await import('${name}'); ${count}`],
      home,
    )
    const cjs = run(node, ['-e', `const m = require('${name}'); ${count}`], home)
    console.log(`${name}: ${esm.trim()} names imported, ${cjs.trim()} required`)
  }
  console.log(run('npx', ['--no-install', 'aioflux', '--help'], home).split('\n')[0])
  console.log(run('npx', ['-y', '@arethetypeswrong/cli', tarball, '--profile', 'esm-only'], root))
} finally {
  rmSync(home, { recursive: true })
}
