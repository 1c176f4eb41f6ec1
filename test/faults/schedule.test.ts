import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, inject, it } from 'vitest'
import { libraries } from '../support/clients.ts'
import { crew, type Hand } from '../support/crew.ts'
import { figure, short } from '../support/figure.ts'
import { sleep } from '../support/time.ts'
import type { SchedulersTask } from './workers/schedulers.ts'

const PERIOD = 50
/** Later than that is late. */
const LATE = 400
/** After that, a process that shows no sign of life counts as dead. */
const LEASE = 1_000
const folder = mkdtempSync(join(tmpdir(), 'aioflux-schedule-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('one schedule in five processes, one of them killed', () => {
  it.each(short ? (['ioredis'] as const) : libraries)('each slot once: %s', async (library) => {
    const log = join(folder, `slots-${library}-${performance.now()}`)
    const one = task(library, log, false)
    const calm = short ? 2_000 : 10_000
    const doomed = { ...one, hangsAfter: calm }
    await using hands = await crew('schedulers', [doomed, one, one, one, one])
    const [victim] = hands.hands as [Hand]
    // In the middle of a run, so that it has a slot that nobody else may run, and that it will not end.
    const { begun } = await victim.next<{ begun: number }>()
    await victim.kill()
    await sleep(calm)
    const runs = readRuns(log).slice(1, -1)
    const killed = String(victim.pid)
    const slots = runs.map(({ slot }) => slot)
    const expected = ((slots.at(-1) as number) - (slots[0] as number)) / PERIOD + 1
    const twice = slots.length - new Set(slots).size
    const missed = expected - new Set(slots).size
    const late = runs.filter(({ by }) => by > LATE)
    const hosts = new Set(runs.map(({ pid }) => pid))
    console.log(
      `schedule: ${library}: ${expected} slots, ${runs.filter(({ pid }) => pid === killed).length} by the one that was killed, ${hosts.size} processes`,
    )
    figure(`schedule: ${library}, slots run twice`, twice, '0', twice === 0)
    figure(`schedule: ${library}, slots not run`, missed, '0', missed === 0)
    figure(
      `schedule: ${library}, slots late`,
      late.map(({ by }) => `1, by ${by} ms`).join() || 'none',
      `1, that of the killed, by at most ${LEASE} ms twice`,
      late.length === 1 && late[0]?.slot === begun && late[0].by <= 2 * LEASE + LATE,
    )
  })

  it('with a leader: another one leads on, and no slot is run twice', async () => {
    const log = join(folder, `leader-${performance.now()}`)
    await using hands = await crew('schedulers', Array(5).fill(task('ioredis', log, true)))
    await sleep(short ? 1_500 : 5_000)
    const leader = readRuns(log).at(-1)?.pid
    await hands.hands.find(({ pid }) => String(pid) === leader)?.kill()
    await sleep(short ? 2_000 : 5_000)
    const runs = readRuns(log)
    const slots = runs.map(({ slot }) => slot)
    const twice = slots.length - new Set(slots).size
    const gaps = slots.slice(1).map((slot, i) => slot - (slots[i] as number))
    const gap = Math.max(...gaps)
    const leaders = new Set(runs.map(({ pid }) => pid)).size
    figure('schedule: with a leader, slots run twice', twice, '0', twice === 0)
    figure('schedule: with a leader, processes that ran', leaders, '2', leaders === 2)
    figure(
      'schedule: with a leader, longest gap',
      `${gap} ms`,
      `<= 500 ms + ${LATE}`,
      gap <= 500 + LATE,
    )
  })
})

function task(library: SchedulersTask['library'], log: string, elect: boolean): SchedulersTask {
  const prefix = `schedule-${process.pid}-${performance.now()}`
  return { url: inject('redisUrl'), library, prefix, period: PERIOD, elect, lease: LEASE, log }
}

/** All runs, by slot. */
function readRuns(log: string): { slot: number; by: number; pid: string }[] {
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  const runs = lines.map((line) => {
    const [slot, by, pid] = line.split(' ') as [string, string, string]
    return { slot: Number(slot), by: Number(by), pid }
  })
  return runs.sort((x, y) => x.slot - y.slot)
}
