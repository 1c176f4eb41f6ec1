import { expect, it } from 'vitest'
import { Blocks } from '../../src/storage/blocks.ts'

it('blocks that are over are forgotten as others come, never more of them than of those that hold', () => {
  const blocks = new Blocks()
  for (let now = 0; now < 20_000; now++) {
    blocks.set(`${now}`, now, now + 100)
    expect(blocks.size).toBeLessThanOrEqual(2 * 101)
    expect(blocks.left(`${Math.max(0, now - 99)}`, now)).toBeGreaterThan(0)
  }
})
