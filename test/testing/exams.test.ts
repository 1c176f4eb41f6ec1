import {
  fixedWindow,
  MemoryStorage,
  type Rule,
  type State,
  slidingWindow,
  tokenBucket,
} from 'aioflux'
import { type Law, ManualClock, ruleExam, storageExam } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

/** The names of the laws that `exam` finds broken. */
async function broken(exam: Law[]): Promise<string[]> {
  const names: string[] = []
  for (const law of exam) {
    try {
      await law.run()
    } catch {
      names.push(law.name)
    }
  }
  return names
}

/** The rule with some of its moves replaced. */
function mutant(rule: Rule, change: (rule: Rule) => Partial<Rule>): Rule {
  const changed = Object.create(rule) as Rule
  for (const [name, value] of Object.entries(change(rule))) {
    Object.defineProperty(changed, name, { value })
  }
  return changed
}

describe('ruleExam catches a rule that', () => {
  const rule = () => tokenBucket({ rate: 10, per: '1s' })
  const bound = (micros: number) => 10 + micros / 1e5
  const mutants: [string, string, (rule: Rule) => Partial<Rule>][] = [
    [
      'charges a denied call',
      'a denied call leaves the state untouched',
      (r) => ({
        reserve(state: State, now: number, cost: number, maxWait: number) {
          const wait = r.reserve(state, now, cost, maxWait)
          if (wait < 0) state[0] = (state[0] as number) + 0.1
          return wait
        },
      }),
    ],
    [
      'tells a time too short',
      'it grants exactly at retryAfter and not a tick before',
      (r) => ({
        reserve(state: State, now: number, cost: number, maxWait: number) {
          const wait = r.reserve(state, now, cost, maxWait)
          return wait < 0 ? Math.min(-1, wait + 3000) : wait
        },
      }),
    ],
    [
      'tells a time too long',
      'it grants exactly at retryAfter and not a tick before',
      (r) => ({
        reserve(state: State, now: number, cost: number, maxWait: number) {
          const wait = r.reserve(state, now, cost, maxWait)
          return wait < 0 ? wait - 3000 : wait
        },
      }),
    ],
    [
      'forgets the cost',
      'no more than the bound is admitted in any stretch of time',
      (r) => ({
        reserve: (state: State, now: number, _cost: number, maxWait: number) =>
          r.reserve(state, now, 1, maxWait),
      }),
    ],
    [
      'gives back more than it took',
      'taking and giving back is as if nothing had been',
      (r) => ({
        refund: (state: State, now: number, cost: number) => r.refund(state, now, cost + 1),
      }),
    ],
    [
      'holds more than its capacity after a refund',
      'giving back never goes beyond a fresh state',
      () => ({
        refund(state: State, _now: number, cost: number) {
          state[0] = (state[0] as number) - cost
        },
      }),
    ],
    [
      'lets newcomers past those who wait',
      'reservations are in order of arrival, each within the limit',
      (r) => ({
        reserve(state: State, now: number, cost: number, maxWait: number) {
          return maxWait > 0
            ? r.reserve([...state], now, cost, maxWait)
            : r.reserve(state, now, cost, 0)
        },
      }),
    ],
    [
      'mints while a clock steps back and returns',
      'a clock that steps back mints nothing, not even on its return',
      (r) => ({
        reserve(state: State, now: number, cost: number, maxWait: number) {
          if (now < (state[1] as number)) state[1] = now
          return r.reserve(state, now, cost, maxWait)
        },
      }),
    ],
    [
      'freezes when the clock is set back far',
      'a clock that was set back far freezes no key',
      (r) => ({
        reserve(state: State, now: number, cost: number, maxWait: number) {
          return r.reserve(state, Math.max(now, state[1] as number), cost, maxWait)
        },
      }),
    ],
    [
      'forgets what was used when its numbers change',
      'other numbers keep what was used',
      (r) => ({
        with: () => mutant(r, () => ({ reserve: () => 0 })),
      }),
    ],
    [
      'tells its idle time wrong',
      'what is over is fresh: idleAfter tells when',
      (r) => ({
        idleAfter: (state: State, now: number) => r.idleAfter(state, now) / 2,
      }),
    ],
    [
      'has nothing at first',
      'a fresh state grants its capacity at once, and nothing more',
      () => ({ fresh: (now: number) => [1, now] }),
    ],
  ]
  it.each(mutants)('%s', async (_, law, change) => {
    expect(await broken(ruleExam({ make: () => mutant(rule(), change), bound }))).toContain(law)
  })

  it('is a window that admits twice as much at its edge, where a sliding one is promised', async () => {
    const strict = (micros: number) => 10 * (Math.floor(micros / 1e6) + 1)
    const exam = (make: () => Rule) => broken(ruleExam({ make, bound: strict }))
    expect(await exam(() => slidingWindow({ rate: 10, per: '1s' }))).toEqual([])
    expect(await exam(() => fixedWindow({ rate: 10, per: '1s' }))).toEqual([
      'no more than the bound is admitted in any stretch of time',
    ])
  })
})

describe('storageExam catches a storage that', () => {
  const exam = (change: (storage: MemoryStorage) => void) =>
    broken(
      storageExam(() => {
        const clock = new ManualClock('1h')
        const storage = new MemoryStorage({ clock })
        change(storage)
        return { storage, clock, advance: (duration) => clock.advanceAsync(duration) }
      }),
    )

  it('does nothing wrong: none', async () => {
    expect(await exam(() => {})).toEqual([])
  })

  it('mixes up scopes', async () => {
    const names = await exam((storage) => {
      const { open } = storage
      storage.open = (rule, _scope, clock) => open.call(storage, rule, 'one', clock)
    })
    expect(names).toContain('limiters under different scopes do not see each other')
  })

  it('forgets to end values', async () => {
    const names = await exam((storage) => {
      const { set } = storage
      storage.set = (key, value) => set.call(storage, key, value)
    })
    expect(names).toEqual(['values: are gone when their time is over'])
  })

  it('does not give back', async () => {
    const names = await exam((storage) => {
      const { open } = storage
      storage.open = (rule, scope, clock) => {
        const ledger = open.call(storage, rule, scope, clock)
        ledger.refund = () => {}
        return ledger
      }
    })
    expect(names).toContain(
      'token bucket: what is released can be had again, and no more than that',
    )
    expect(names).toContain('token bucket: an aborted waiter gives its reservation back')
  })
})
