import { describe, expect, it } from 'vitest'
import { bounds, worstExcess } from './bound.ts'

describe('what the fault tests count with', () => {
  const at = (moment: number) => ({ sent: moment, received: moment + 0.01 })

  it('one grant too many in one stretch is seen', () => {
    const allowed = bounds.bucket(2, 10)
    const right = [at(0), at(0.1), at(100), at(200), at(300)]
    expect(worstExcess(right, allowed)).toBeLessThanOrEqual(0)
    expect(worstExcess([...right, at(210)], allowed)).toBeGreaterThan(0.8)
  })

  it('a window that holds one too many is seen, and one that only may have is not', () => {
    const allowed = bounds.sliding(2, 100)
    expect(worstExcess([at(0), at(50), at(100.1), at(150.1)], allowed)).toBe(0)
    expect(worstExcess([at(0), at(50), at(99)], allowed)).toBe(1)
    expect(worstExcess([at(0), at(50), { sent: 99, received: 101 }], allowed)).toBe(0)
  })
})
