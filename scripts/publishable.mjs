// Stops `npm publish` while the package is not ready for it. npm runs this first (prepublishOnly).
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * What stands in the way of a release, one line each; empty when nothing does.
 *
 * @param {{ version: string, repository: { url: string }, homepage: string, bugs: { url: string } }} manifest package.json
 * @param {string} changelog the text of CHANGELOG.md
 * @param {string} changed what `git status --porcelain` prints
 * @returns {string[]}
 */
export function obstacles(manifest, changelog, changed) {
  const { version, repository, homepage, bugs } = manifest
  const found = []
  for (const [field, url] of Object.entries({
    repository: repository.url,
    homepage,
    bugs: bugs.url,
  })) {
    if (url.includes('/OWNER/')) {
      found.push(`package.json: ${field} still has the placeholder OWNER, got '${url}'`)
    }
  }
  if (!changelog.includes(`\n## [${version}]`)) {
    found.push(`CHANGELOG.md: has no section for version ${version}`)
  }
  if (changed.trim() !== '') found.push(`git: there are changes that are not committed\n${changed}`)
  return found
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = new URL('..', import.meta.url)
  const read = (name) => readFileSync(new URL(name, root), 'utf8')
  const { stdout } = spawnSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' })
  const found = obstacles(JSON.parse(read('package.json')), read('CHANGELOG.md'), stdout)
  for (const line of found) console.error(line)
  process.exitCode = found.length === 0 ? 0 : 1
}
