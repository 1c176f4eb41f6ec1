// Writes what users see of the package, from the declarations and docstrings of every entry:
//   api.txt     every exported name without comments, so that a change of the surface is a diff
//   docs/api/   the reference, a page for each entry
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiFiles, surfaces } from './package/api-files.ts'
import { root } from './package/entries.ts'

const dist = mkdtempSync(join(tmpdir(), 'aioflux-api-'))
try {
  rmSync(`${root}docs/api`, { recursive: true, force: true })
  mkdirSync(`${root}docs/api`, { recursive: true })
  for (const [path, text] of apiFiles(surfaces(dist))) {
    writeFileSync(root + path, text)
    console.log(`${path}: ${text.split('\n').length} lines`)
  }
} finally {
  rmSync(dist, { recursive: true })
}
