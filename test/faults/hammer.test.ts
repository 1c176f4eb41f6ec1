import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, inject, it } from 'vitest'
import { type Grant, worstExcess } from '../support/bound.ts'
import { crew } from '../support/crew.ts'
import { figure, short } from '../support/figure.ts'
import type { HammerReport, HammerTask } from './workers/hammer.ts'
import { laws, type RuleName } from './workers/rules.ts'

/** Percent of the bound. In short, other tests run beside this one. */
const LEAST = short ? 85 : 95

describe('four processes hammer one key of each rule', () => {
  it('is never more than the bound in any stretch of time, and hardly less', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'aioflux-hammer-'))
    try {
      // Ends most of a window after one has begun, so that the count does not hang on a few milliseconds.
      const ms = short ? 1_450 : 4_450
      const tasks = Array.from({ length: 4 }, (_, i): HammerTask => {
        const library = i % 2 === 0 ? 'node-redis' : 'ioredis'
        const log = join(dir, `${i}.log`)
        const prefix = `hammer-${process.pid}`
        return { url: inject('redisUrl'), library, prefix, ms, callers: 4, log }
      })
      await using hands = await crew('hammer', tasks)
      hands.tell({ go: true })
      const reports = await hands.all<HammerReport>()
      const took =
        Math.max(...reports.map(({ last }) => last)) -
        Math.min(...reports.map(({ first }) => first))

      const grants = new Map<RuleName, Grant[]>()
      for (const { log } of tasks) {
        for (const line of readFileSync(log, 'utf8').trim().split('\n')) {
          const [rule, sent, received] = line.split(' ') as [RuleName, string, string]
          const list = grants.get(rule) ?? []
          grants.set(rule, list)
          list.push({ sent: Number(sent), received: Number(received) })
        }
      }
      const calls = reports.reduce((sum, report) => sum + report.calls, 0)
      const failed = reports.reduce((sum, report) => sum + report.failed, 0)
      figure('hammer: calls without an answer', `${failed} of ${calls}`, '0', failed === 0)
      for (const rule of Object.keys(laws) as RuleName[]) {
        const list = grants.get(rule) ?? []
        const bound = laws[rule].fromStart(took)
        // Nobody asked any more when the time was over, only answers came.
        const share = (100 * list.length) / laws[rule].fromStart(ms)
        figure(
          `hammer: ${rule}, admitted in ${Math.round(took)} ms`,
          `${list.length} (${share.toFixed(1)} %)`,
          `<= ${Math.floor(bound)}, and >= ${LEAST} %`,
          list.length <= bound && share >= LEAST,
        )
        const excess = worstExcess(list, laws[rule].anywhere)
        figure(`hammer: ${rule}, worst stretch`, excess, '<= 0 above its bound', excess <= 0)
      }
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
})
