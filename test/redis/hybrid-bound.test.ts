import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BackgroundTasks } from '../../src/core/background-tasks.ts'
import { LeaseClock } from '../../src/core/lease-clock.ts'
import { Demand } from '../../src/redis/borrowing/demand.ts'
import { HybridLedger } from '../../src/redis/borrowing/hybrid-ledger.ts'
import { Sweeper } from '../../src/redis/borrowing/sweeper.ts'
import { TokenLease } from '../../src/redis/borrowing/token-lease.ts'
import { TokenLeases } from '../../src/redis/borrowing/token-leases.ts'
import { Bank, Teller } from './bank.ts'

// A bucket of 100 at one token a millisecond.
const BURST = 100
const LEASE = 50

interface Spent {
  readonly at: number
  readonly cost: number
}

/** The most that was spent in any stretch of time, less its length at one token a millisecond. */
function worst(spent: readonly Spent[]): number {
  let least = Infinity
  let sum = 0
  let most = 0
  for (const { at, cost } of spent) {
    least = Math.min(least, sum - at)
    sum += cost
    most = Math.max(most, sum - at - least)
  }
  return most
}

describe('lots', () => {
  // A quarter of a millisecond, and costs of quarters: every sum is exact.
  const quarter = (most: number) => fc.integer({ min: 1, max: most * 4 }).map((n) => n / 4)
  const who = fc.nat(7)
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('renew' as const), who, n: fc.constant(200) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('borrow' as const),
        who,
        n: quarter(40).map(Math.ceil),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        who,
        n: quarter(60).map((n) => (n > 40 ? n : n / 4)),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('spend' as const), who, n: quarter(30) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('all' as const), who, n: fc.constant(0) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('crash' as const), who, n: fc.constant(0) }),
    },
  )

  it('however they are borrowed, returned, spent and lost, no stretch of time sees more than its bound', () => {
    let tightest = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        const clock = new ManualClock('1h')
        const lease = new LeaseClock(clock)
        const bank = new Bank(clock)
        const purses = Array.from({ length: 8 }, () => new TokenLeases(lease, new Demand(LEASE, 0)))
        const spent: Spent[] = []
        const spend = (purse: TokenLeases, cost: number) => {
          if (!purse.spend(cost, clock.now())) return false
          spent.push({ at: clock.now(), cost })
          return true
        }
        for (const { kind, who, n } of [
          ...steps,
          ...purses.map((_, who) => ({ kind: 'all' as const, who, n: 0 })),
        ]) {
          const purse = purses[who] as TokenLeases
          if (kind === 'renew') for (const lot of purse.surrender()) bank.takeBack(lot.left, lot.at)
          if (kind === 'renew' || kind === 'borrow') {
            const asked = lease.moment()
            const { tokens, at } = bank.lend(0, n)
            if (tokens > 0) purse.add(new TokenLease(tokens, at, asked, LEASE))
          } else if (kind === 'pass') clock.advance(n / 1000)
          else if (kind === 'spend') spend(purse, n)
          else if (kind === 'all') {
            const left = purse.alive()
            if (left > 0) expect(spend(purse, left)).toBe(true)
            expect(spend(purse, 0.25)).toBe(false)
            // And who asks the bank takes all it has.
            while (bank.move('reserve', 1, 0).wait >= 0) spent.push({ at: clock.now(), cost: 1 })
          } else if (kind === 'crash') purse.surrender()
        }
        const sum = spent.reduce((total, { cost }) => total + cost, 0)
        expect(sum).toBeLessThanOrEqual(
          bank.lent + bank.calls.filter((call) => call === 'reserve').length,
        )
        tightest = Math.max(tightest, worst(spent))
        expect(worst(spent)).toBeLessThanOrEqual(BURST + LEASE + 1e-3)
      }),
      { numRuns: 2000 },
    )
    // The bound is not an idle one: it is nearly met.
    expect(tightest).toBeGreaterThan(BURST + LEASE / 2)
  })

  it('what is spent is never more than what was lent, and a lot is dead when either clock says so', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            steady: fc.nat(30),
            wall: fc.integer({ min: -100, max: 30 }),
            cost: quarter(5),
            lot: fc.nat(20),
          }),
          { maxLength: 60 },
        ),
        (steps) => {
          const steady = new ManualClock('1h')
          let wall = 1e12
          const clock = new LeaseClock(steady, () => wall)
          const lots = new TokenLeases(clock, new Demand(LEASE, 0))
          const all: TokenLease[] = []
          let lent = 0
          let spent = 0
          for (const step of steps) {
            steady.advance(step.steady / 1000)
            wall += step.wall
            if (step.lot > 0) {
              lent += step.lot
              const lot = new TokenLease(step.lot, 0, clock.moment(), LEASE)
              all.push(lot)
              lots.add(lot)
            }
            const before = all.map((lot) => lot.left)
            if (lots.spend(step.cost, steady.now())) spent += step.cost
            for (const [i, lot] of all.entries()) {
              if (lot.left < (before[i] as number))
                expect(clock.passed(lot.asked)).toBeLessThan(LEASE)
            }
            expect(lots.held).toBeGreaterThanOrEqual(0)
          }
          const left = all.reduce((sum, lot) => sum + lot.left, 0)
          expect(spent + left).toBe(lent)
        },
      ),
    )
  })
})

describe('processes that share a bucket by lots', () => {
  interface Step {
    readonly pass: number
    readonly who: number
    readonly calls: number
    readonly fate: 'live' | 'crash' | 'close'
  }
  const step: fc.Arbitrary<Step> = fc.record({
    pass: fc.oneof(fc.nat(4), fc.nat(4), fc.nat(120)),
    who: fc.nat(3),
    calls: fc.oneof(fc.nat(3), fc.nat(60)),
    fate: fc.oneof(
      { weight: 30, arbitrary: fc.constant('live' as const) },
      fc.constant('crash' as const),
      fc.constant('close' as const),
    ),
  })

  it('never spend more than the bound, through delays, crashes and closings', async () => {
    let grants = 0
    let local = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 60 }),
        fc.integer(),
        async (steps, seed) => {
          const clock = new ManualClock('1h')
          const bank = new Bank(clock)
          const spent: Spent[] = []
          let noise = seed
          const delay = () => {
            noise = (Math.imul(noise, 1103515245) + 12345) | 0
            return ((noise >>> 16) % 40) / 10
          }
          const start = (who: number) => {
            const teller = new Teller(bank, clock)
            teller.delay = delay
            // The last one is too busy to sweep.
            const sweeper = new Sweeper(clock, who === 3 ? 1e6 : LEASE / 2)
            const house = {
              clock: new LeaseClock(clock),
              sweeper,
              tasks: new BackgroundTasks(),
              maxKeys: 10,
              lease: LEASE,
              maxDenial: 250,
              strict: false,
              closed: false,
            }
            return { ledger: new HybridLedger(teller.storage, teller, house), house, alive: true }
          }
          const processes = [0, 1, 2, 3].map(start)
          for (const { pass, who, calls, fate } of steps) {
            await clock.advanceAsync(pass / 1000)
            const process = processes[who] as ReturnType<typeof start>
            for (let i = 0; i < calls; i++) {
              // Not all at once: a lot has to have come before it can be spent.
              if (i % 8 === 7) await clock.advanceAsync(0.004)
              const now = process.ledger.spend('k', 1)
              if (now !== undefined && now.wait >= 0) {
                local++
                spent.push({ at: clock.now(), cost: 1 })
              } else if (now === undefined) {
                void process.ledger.run('reserve', 'k', 1, 0).then(
                  ({ wait }) => {
                    if (wait >= 0 && process.alive) spent.push({ at: clock.now(), cost: 1 })
                  },
                  () => {},
                )
              }
            }
            if (fate !== 'live') {
              process.alive = fate === 'close'
              process.house.closed = true
              if (fate === 'close') process.house.sweeper.close()
              processes[who] = start(who)
            }
          }
          await clock.advanceAsync(1)
          grants += spent.length
          expect(worst(spent)).toBeLessThanOrEqual(BURST + LEASE + 1e-3)
        },
      ),
      { numRuns: 150 },
    )
    expect(local).toBeGreaterThan(grants / 4)
  })
})
