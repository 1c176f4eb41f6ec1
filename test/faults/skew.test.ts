import { describe, expect, inject, it } from 'vitest'
import { crew } from '../support/crew.ts'
import { figure } from '../support/figure.ts'
import type { SkewReport, SkewTask } from './workers/skewed.ts'

const HOUR = 3_600_000

describe('clocks of clients that are an hour ahead or behind, and jump', () => {
  it('has no effect on any decision', async () => {
    const tasks = [0, HOUR, -HOUR].map(
      (skew, i): SkewTask => ({
        url: inject('redisUrl'),
        library: i === 1 ? 'ioredis' : 'node-redis',
        prefix: `skew-${process.pid}`,
        skew,
      }),
    )
    await using hands = await crew('skewed', tasks)
    hands.tell({ go: true })
    const [right, ahead, behind] = (await hands.all<SkewReport>()) as [
      SkewReport,
      SkewReport,
      SkewReport,
    ]
    expect(right.decisions.length).toBeGreaterThan(50)
    for (const other of [ahead, behind]) {
      const differ = other.decisions.filter((decision, i) => decision !== right.decisions[i])
      if (differ.length > 0) console.log(differ)
      figure(
        `skew: ${other === ahead ? '+' : '-'}1 h, decisions that differ`,
        `${differ.length} of ${right.decisions.length}`,
        '0',
        differ.length === 0 && other.decisions.length === right.decisions.length,
      )
    }
    const shared = right.shared + ahead.shared + behind.shared
    figure('skew: admitted of a shared limit', shared, '= 30', shared === 30)
    const waits = [right, ahead, behind].map(({ waited }) => waited)
    figure(
      'skew: three waits of 100 ms',
      waits.map((ms) => `${Math.round(ms)} ms`).join(', '),
      '300 to 800 ms each',
      waits.every((ms) => ms >= 299 && ms < 800),
    )
  })
})
