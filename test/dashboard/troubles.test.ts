import { describe, expect, it } from 'vitest'
import type { DashboardState } from '../../src/dashboard/state.ts'
import { Troubles } from '../../src/dashboard/watch/troubles.ts'
import { emptyState } from './empty-state.ts'

type Part = Partial<Omit<DashboardState, 'troubles'>>

const state = (at: number, part: object): Omit<DashboardState, 'troubles'> => ({
  ...emptyState(at),
  ...(part as Part),
})
const queue = (oldest: number, more: object = {}) => ({
  oldest,
  paused: false,
  remote: true,
  ...more,
})
const denies = (denied: number, allowed = 0) => ({ limiters: { api: { denied, allowed } } })

describe('what is wrong', () => {
  it('tells the worst first: broken before watch, then harm', () => {
    const { troubles } = new Troubles().look(
      state(100_000, {
        ...denies(20),
        queues: {
          slow: queue(12),
          slower: queue(40),
          slowest: queue(90),
          paused: queue(900, { paused: true }),
        },
        breakers: {
          a: { state: 'half_open', since: 1 },
          b: { state: 'open', since: 2 },
          c: { state: 'isolated', since: 3 },
        },
      }),
      0,
    )
    expect(troubles.map(({ name, level }) => `${name} ${level}`)).toEqual([
      'b bad',
      'slowest bad',
      'slower bad',
      'api bad',
      'slow warn',
      'a warn',
    ])
  })

  it('a limiter denies from one call a second on, and a twentieth of all', () => {
    const look = (part: object) => new Troubles().look(state(0, part), 0).troubles.length
    expect(look(denies(0.9))).toBe(0)
    expect(look(denies(1, 18))).toBe(1)
    expect(look(denies(1, 20))).toBe(0)
  })

  it('one that goes to and fro between broken and to watch is told as each once', () => {
    const troubles = new Troubles()
    const told = [12, 35, 12, 35, 12].map((oldest, i) =>
      troubles
        .look(state(100_000 + i * 1000, { queues: { mails: queue(oldest) } }), 0)
        .began.map(({ level }) => level),
    )
    expect(told).toEqual([['warn'], ['bad'], [], [], []])
  })

  it('one that comes and goes is one trouble, with one beginning', () => {
    const troubles = new Troubles()
    expect(troubles.look(state(10_000, denies(5)), 0).began).toHaveLength(1)
    expect(troubles.look(state(15_000, denies(0)), 0)).toMatchObject({ began: [], ended: [] })
    const again = troubles.look(state(16_000, denies(5)), 0)
    expect(again.began).toEqual([])
    expect(again.troubles[0]?.since).toBe(10_000)
    expect(troubles.look(state(26_001, denies(0)), 0).ended).toHaveLength(1)
  })

  it('a breaker that opens again after a probe has been in trouble all the time', () => {
    const troubles = new Troubles()
    const is = (at: number, now: string, since: number) =>
      troubles.look(state(at, { breakers: { gateway: { state: now, since } } }), 0).troubles[0]
        ?.since
    expect(is(5000, 'open', 4000)).toBe(4000)
    expect(is(30_000, 'half_open', 29_000)).toBe(4000)
    expect(is(31_000, 'open', 30_500)).toBe(4000)
  })

  it('says where it may have begun before anybody looked', () => {
    const first = new Troubles().look(state(50_000, denies(5)), 50_000)
    expect(first.troubles[0]).toMatchObject({ exact: false, since: 50_000 })
    const later = new Troubles().look(state(60_000, denies(5)), 50_000)
    expect(later.troubles[0]).toMatchObject({ exact: true })
    const known = new Troubles().look(state(50_000, { queues: { mails: queue(40) } }), 50_000)
    expect(known.troubles[0]).toMatchObject({ exact: true, since: 10_000 })
  })
})
