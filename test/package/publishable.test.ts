import { describe, expect, it } from 'vitest'
import { manifest } from '../../scripts/package/entries.ts'
// @ts-expect-error: a script, without types.
import { obstacles } from '../../scripts/publishable.mjs'

const ready = {
  ...manifest(),
  version: '1.2.3',
  repository: { url: 'git+https://github.com/acme/aioflux.git' },
  homepage: 'https://github.com/acme/aioflux#readme',
  bugs: { url: 'https://github.com/acme/aioflux/issues' },
}
const changelog = '# Changelog\n\n## [1.2.3] - 2030-01-01\n'

describe('npm publish', () => {
  it('goes ahead with real addresses, a changelog and everything committed', () => {
    expect(obstacles(ready, changelog, '')).toEqual([])
  })

  it('is stopped by each placeholder, a version without a changelog, and open changes', () => {
    const { repository, homepage, bugs } = manifest()
    const found = obstacles({ ...ready, repository, homepage, bugs }, '# Changelog\n', ' M a.ts\n')
    expect(found).toEqual([
      expect.stringContaining(
        `repository still has the placeholder OWNER, got '${repository.url}'`,
      ),
      expect.stringContaining('homepage still has the placeholder OWNER'),
      expect.stringContaining('bugs still has the placeholder OWNER'),
      'CHANGELOG.md: has no section for version 1.2.3',
      expect.stringContaining(' M a.ts'),
    ])
  })
})
