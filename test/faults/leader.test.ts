import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, inject, it } from 'vitest'
import { libraries } from '../support/clients.ts'
import { type Crew, crew } from '../support/crew.ts'
import { figure, seeded, short } from '../support/figure.ts'
import { machineTime, sleep } from '../support/time.ts'
import type { CandidateTask } from './workers/candidate.ts'

const TTL = 500
/** What a busy machine may make of a timer, and of the start of a process. */
const LATE = 600
const folder = mkdtempSync(join(tmpdir(), 'aioflux-leader-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('five candidates, killed at random', () => {
  it.each(short ? (['node-redis'] as const) : libraries)('%s', async (library) => {
    const random = seeded('leader')
    const log = join(folder, `${library} ${performance.now()}`)
    const one = {
      url: inject('redisUrl'),
      library,
      prefix: `leader-${process.pid}-${performance.now()}`,
      ttl: TTL,
      log,
    } satisfies CandidateTask
    const crews: Crew[] = []
    const hiring: Promise<void>[] = []
    let leader: Crew | undefined
    const hire = async () => {
      const hired = await crew('candidate', [one])
      crews.push(hired)
      const listen = async (): Promise<void> => {
        for (;;) {
          await hired.hands[0]?.next()
          leader = hired
        }
      }
      listen().catch(() => {}) // it was killed
    }
    await Promise.all(Array.from({ length: 5 }, hire))
    const over = machineTime() + (short ? 3_000 : 30_000)
    let kills = 0
    let stops = 0
    while (machineTime() < over || kills < 3) {
      await sleep(200 + random() * 800)
      // On a busy machine they may be killed faster than new ones start.
      if (crews.length < 2) await Promise.all(hiring.splice(0))
      const leads = leader !== undefined && crews.includes(leader) ? leader : undefined
      const any = crews[Math.floor(random() * crews.length)]
      const victim = random() < 0.7 ? (leads ?? any) : any
      const hand = victim?.hands[0] as Crew['hands'][number]
      if (random() < 0.7) {
        kills += 1
        crews.splice(crews.indexOf(victim as Crew), 1)
        await hand.kill()
        hiring.push(hire())
      } else {
        // It stands still for longer than its lease, with others leading meanwhile.
        stops += 1
        hand.pause()
        await sleep(TTL * 1.5)
        hand.resume()
      }
    }
    await Promise.all(hiring)
    await Promise.all(crews.map((hired) => hired[Symbol.asyncDispose]()))

    const reigns = readReigns(log)
    let overlap = -Infinity
    const gaps: number[] = []
    for (const [i, reign] of reigns.entries()) {
      if (i === 0) continue
      const gap = reign.first - (reigns[i - 1] as Reign).last
      overlap = Math.max(overlap, -gap)
      gaps.push(gap)
    }
    gaps.sort((x, y) => x - y)
    const longest = gaps.at(-1) as number
    const moments = reigns.reduce((sum, { moments }) => sum + moments, 0)
    console.log(
      `leader: ${library}: ${kills} kills, ${stops} stops, ${reigns.length} reigns, ${moments} moments`,
    )
    figure(`leader: ${library}, reigns`, reigns.length, '> 2', reigns.length > 2)
    figure(
      `leader: ${library}, two at once`,
      `${overlap.toFixed(1)} ms at most`,
      '<= 0 ms',
      overlap <= 0,
    )
    figure(
      `leader: ${library}, nobody, median`,
      `${Math.round(gaps[gaps.length >> 1] as number)} ms`,
      `<= ${TTL} ms + 50`,
      (gaps[gaps.length >> 1] as number) <= TTL + 50,
    )
    figure(
      `leader: ${library}, nobody, longest`,
      `${Math.round(longest)} ms`,
      `<= ${TTL} ms + ${LATE}`,
      longest <= TTL + LATE,
    )
  })
})

interface Reign {
  first: number
  last: number
  moments: number
}

/** From the first to the last moment at which each leader saw itself lead, in order of their tokens. */
function readReigns(log: string): Reign[] {
  const reigns = new Map<number, Reign>()
  for (const line of readFileSync(log, 'utf8').trim().split('\n')) {
    const [token, time] = line.split(' ').map(Number) as [number, number]
    const reign = reigns.get(token) ?? { first: time, last: time, moments: 0 }
    reigns.set(token, reign)
    reign.first = Math.min(reign.first, time)
    reign.last = Math.max(reign.last, time)
    reign.moments += 1
  }
  return [...reigns].sort(([x], [y]) => x - y).map(([, reign]) => reign)
}
