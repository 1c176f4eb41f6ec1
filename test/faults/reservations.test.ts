import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LimiterFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { describe, inject, it } from 'vitest'
import { clients } from '../support/clients.ts'
import { crew, type Hand } from '../support/crew.ts'
import { figure, short } from '../support/figure.ts'
import { sleep } from '../support/time.ts'
import type { SpendersTask } from './workers/spenders.ts'

const BUDGET = short ? 100_000 : 400_000

describe('four processes spend one budget, and are killed between reserve and settle', () => {
  it('never spends more than the budget and what was settled above estimates, to the token', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'aioflux-spenders-'))
    const url = inject('redisUrl')
    const prefix = `spenders-${crypto.randomUUID()}`
    const logs: string[] = []
    const taskOf = (i: number): SpendersTask => {
      const log = join(dir, `${i}.log`)
      logs.push(log)
      const library = i % 2 === 0 ? 'node-redis' : 'ioredis'
      return { url, library, prefix, budget: BUDGET, callers: 8, log }
    }
    const { client, end } = await clients.ioredis(url)
    try {
      await using first = await crew('spenders', [0, 1, 2, 3].map(taskOf))
      first.tell({ go: true })
      for (const hand of first.hands.slice(0, 3)) {
        await sleep(300)
        await hand.kill()
      }
      await using second = await crew('spenders', [4, 5, 6].map(taskOf))
      second.tell({ go: true })
      const left = [first.hands[3] as Hand, ...second.hands]
      await Promise.all(left.map((hand) => hand.next()))

      let least = 0
      let most = 0
      let above = 0
      let unsettled = 0
      for (const log of logs) {
        const open = new Map<string, { cost: number; sure: boolean; actual?: number }>()
        for (const line of readFileSync(log, 'utf8').trim().split('\n')) {
          const [what, n, number] = line.split(' ') as [string, string, string | undefined]
          const one = open.get(n)
          if (what === 'asked') open.set(n, { cost: Number(number), sure: false })
          else if (what === 'denied') open.delete(n)
          else if (one !== undefined && what === 'reserved') one.sure = true
          else if (one !== undefined && what === 'settling') {
            one.actual = Number(number)
            above += Math.max(0, one.actual - one.cost)
          } else if (one?.actual !== undefined) {
            least += one.actual
            most += one.actual
            open.delete(n)
          }
        }
        // What a killed process had under way: who knows whether it arrived.
        for (const { cost, sure, actual = cost } of open.values()) {
          unsettled += 1
          if (sure) least += Math.min(cost, actual)
          most += Math.max(cost, actual)
        }
      }
      const storage = new RedisStorage({ client, prefix })
      const limiter = LimiterFactory.tokenBucket({
        rate: BUDGET,
        per: '365d',
        storage,
        scope: 'budget',
      })
      // Above the budget there is a debt, which a larger quota shows.
      const quota = { rate: 2 * BUDGET, per: '365d' } as const
      const used = 2 * BUDGET - (await limiter.peek('team', { quota })).remaining
      const bound = `${least} to ${most}`
      figure('reservations: open when killed', unsettled, '> 0', unsettled > 0)
      // A few tokens drip in while it runs.
      figure('reservations: used', used, bound, used >= least - 2 && used <= most)
      figure('reservations: over the budget', used - BUDGET, `<= ${above}`, used <= BUDGET + above)
      figure('reservations: spent', used, `>= ${BUDGET - 200}`, used >= BUDGET - 200)
    } finally {
      end()
      rmSync(dir, { recursive: true, force: true })
    }
  })
})
