import { fixedWindow, LimiterFactory, type Rule, tokenBucket } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { BackgroundTasks } from '../../src/core/background-tasks.ts'
import { LeaseClock } from '../../src/core/lease-clock.ts'
import { RemoteLimiter } from '../../src/limiters/remote/remote-limiter.ts'
import { HybridLedger } from '../../src/redis/borrowing/hybrid-ledger.ts'
import { Sweeper } from '../../src/redis/borrowing/sweeper.ts'
import { Bank, Teller } from './bank.ts'

// A bucket of 1000 at one token a millisecond, and a lease of 50 ms.
const bucket = () => tokenBucket({ rate: 1000, burst: 1000 })

function setup(options: { rule?: Rule; strict?: boolean; maxKeys?: number } = {}) {
  const { rule = bucket(), strict = false, maxKeys = 10 } = options
  const clock = new ManualClock('1h')
  const bank = new Bank(clock, rule)
  const teller = new Teller(bank, clock)
  const house = {
    clock: new LeaseClock(clock),
    sweeper: new Sweeper(clock, 25),
    tasks: new BackgroundTasks(),
    maxKeys,
    lease: 50,
    maxDenial: 250,
    strict,
    closed: false,
  }
  const ledger = new HybridLedger(teller.storage, teller, house)
  const take = (cost = 1, key = 'k') => ledger.run('reserve', key, cost, 0)
  const takeMany = async (times: number) => {
    for (let i = 0; i < times; i++) expect((await take()).wait).toBe(0)
  }
  return { clock, bank, teller, house, ledger, take, takeMany }
}

describe('lots of a ledger', () => {
  it('are asked for when the demand is two a lease, and then spent without asking', async () => {
    const { bank, ledger, take, takeMany } = setup()
    await takeMany(2)
    expect(bank.calls).toEqual(['reserve', 'reserve'])
    await take()
    expect(bank.calls).toEqual(['reserve', 'reserve', 'lend'])
    expect(ledger.spend('k', 1)).toMatchObject({ wait: 0, remaining: 1 })
    expect(bank.calls).toEqual(['reserve', 'reserve', 'lend'])
    await takeMany(500)
    expect(bank.calls.length).toBeLessThan(30)
  })

  it('are not asked for where there is no demand for them', async () => {
    const { clock, bank, takeMany } = setup()
    for (let i = 0; i < 100; i++) {
      await takeMany(1)
      await clock.advanceAsync('40ms')
    }
    expect(new Set(bank.calls)).toEqual(new Set(['reserve']))
  })

  it('come one at a time, before the last is spent', async () => {
    const { clock, bank, teller, ledger, takeMany } = setup()
    await takeMany(100)
    const { calls } = bank
    teller.delay = () => 1
    const before = calls.length
    let spent = 0
    while (ledger.spend('k', 1) !== undefined) spent++
    expect(spent).toBeGreaterThan(20)
    await clock.advanceAsync('1ms')
    // All of the old one was spent before the new one was here, and it was asked for once.
    expect(calls.slice(before)).toEqual(['lend'])
    await clock.advanceAsync('1ms')
    expect(ledger.spend('k', 1)?.wait).toBe(0)
    // Where the answer comes in time, nobody ever asks for himself.
    for (let i = 0; i < 300; i++) {
      expect(ledger.spend('k', 1)?.wait, `call ${i}`).toBe(0)
      await clock.advanceAsync('1ms')
    }
  })

  it('are not spent when their time is over, even where nobody sweeps', async () => {
    const { clock, house, ledger, takeMany } = setup()
    await takeMany(100)
    house.sweeper.close()
    clock.advance('49ms')
    const late = setup()
    await late.takeMany(100)
    late.clock.advance('49.9ms')
    expect(late.ledger.spend('k', 1)?.wait).toBe(0)
    late.clock.advance('0.1ms')
    expect(late.ledger.spend('k', 1)).toBe(undefined)
    expect(ledger.spend('k', 1)).toBe(undefined)
  })

  it('go back when nothing is spent any more, less what has dripped in since', async () => {
    const { clock, bank, takeMany } = setup({ rule: tokenBucket({ rate: 100, burst: 1000 }) })
    await takeMany(100)
    const held = 1000 - 100 - bank.remaining
    expect(held).toBeGreaterThan(20)
    await clock.advanceAsync('25ms')
    expect(bank.calls.at(-1)).not.toBe('return')
    await clock.advanceAsync('25ms')
    expect(bank.calls.at(-1)).toBe('return')
    // Five tokens have dripped in, and as many less came back.
    expect(bank.remaining).toBeCloseTo(900, 3)
    expect(clock.timers).toBe(0)
  })

  it('go back at the end of the ledger, those on their way too', async () => {
    const { clock, bank, teller, house, ledger, takeMany } = setup()
    await takeMany(100)
    teller.delay = () => 1
    while (ledger.spend('k', 1) !== undefined);
    house.closed = true
    house.sweeper.close()
    let done = false
    void house.tasks.done().then(() => {
      done = true
    })
    await clock.advanceAsync('1ms')
    expect(done).toBe(false)
    await clock.advanceAsync('5ms')
    expect(done).toBe(true)
    expect(bank.calls.at(-1)).toBe('return')
    await expect(ledger.run('reserve', 'k', 1, 0)).rejects.toMatchObject({ code: 'CLOSED' })
    expect(ledger.spend('k', 1)).toBe(undefined)
  })

  it('go back even where none had come before the end', async () => {
    const { clock, bank, teller, house, take, takeMany } = setup({
      rule: tokenBucket({ rate: 1000, per: '1h' }),
    })
    await takeMany(10)
    await clock.advanceAsync('60ms')
    expect(bank.remaining).toBeCloseTo(990, 1)
    teller.delay = () => 1
    const third = take()
    house.closed = true
    house.sweeper.close()
    await clock.advanceAsync('5ms')
    expect((await third).wait).toBe(0)
    expect(bank.calls.slice(-2)).toEqual(['lend', 'return'])
    expect(bank.remaining).toBeCloseTo(989, 1)
  })

  it('go back before their time is over when nothing was spent between two sweeps', async () => {
    const { clock, bank, take, takeMany } = setup({ rule: tokenBucket({ rate: 100, burst: 1000 }) })
    await takeMany(10)
    clock.advance('20ms')
    await takeMany(60)
    expect(bank.calls.at(-1)).toBe('lend')
    clock.advance('5ms')
    expect(bank.calls.at(-1)).toBe('lend')
    clock.advance('25ms')
    expect(bank.calls.slice(-1)).toEqual(['return'])
    await take()
    expect(bank.calls.at(-1)).not.toBe('return')
  })

  it('grow with the demand, and become smaller where they are not spent', async () => {
    const { clock, bank, ledger, take } = setup({ rule: tokenBucket({ rate: 1e5, burst: 1e5 }) })
    const lease = async (calls: number) => {
      const before = bank.lent
      for (let i = 0; i < calls; i++) {
        await take()
        if (i % 20 === 0) await clock.advanceAsync('1ms')
      }
      return bank.lent - before
    }
    for (let i = 0; i < 5; i++) await lease(1000)
    const trips = bank.calls.length
    await lease(1000)
    expect(bank.calls.length - trips).toBeLessThanOrEqual(6)
    // A tenth of it: soon lots are a tenth too.
    for (let i = 0; i < 20; i++) {
      for (let call = 0; call < 100; call++) {
        await take()
        if (call % 2 === 0) await clock.advanceAsync('1ms')
      }
    }
    expect(ledger.spend('k', 1)?.remaining ?? 0).toBeLessThan(200)
  })

  it('near the end are single tokens, and the last token is found', async () => {
    const { bank, take, takeMany } = setup()
    await takeMany(1000)
    expect((await take()).wait).toBeLessThan(0)
    expect(bank.remaining).toBeLessThan(1)
  })

  it('that are too small for a call go back, so that what one process has it can spend', async () => {
    const { bank, take, takeMany } = setup()
    await takeMany(100)
    expect(bank.remaining).toBeLessThan(900)
    expect((await take(901)).wait).toBeLessThan(0)
    expect((await take(900)).wait).toBe(0)
    expect((await take()).wait).toBeLessThan(0)
  })

  it('are told by a peek, and waited for by nobody', async () => {
    const { ledger, takeMany } = setup()
    await takeMany(100)
    const peek = (cost: number) => ledger.run('peek', 'k', cost, 0)
    expect(await peek(900)).toMatchObject({ wait: 0, remaining: 900 })
    const { wait, remaining } = await peek(910)
    expect(remaining).toBe(900)
    expect(wait).toBeLessThanOrEqual(-9_900)
    expect(wait).toBeGreaterThan(-10_100)
    expect(await ledger.run('reserve', 'k', 900, 1e6)).toMatchObject({ wait: 0 })
  })

  it.each(['reset', 'block'] as const)(
    'are let go by a %s, and what is still on its way too',
    async (move) => {
      const { clock, bank, teller, ledger, takeMany } = setup({
        rule: tokenBucket({ rate: 1000, per: '1h' }),
      })
      await takeMany(100)
      teller.delay = () => 1
      let spent = 100
      while (ledger.spend('k', 1) !== undefined) spent++
      const done = ledger.run(move, 'k', 1, 60e6)
      await clock.advanceAsync('1ms')
      expect(bank.calls.slice(-2)).toEqual(['lend', move])
      if (move === 'reset') bank.move('reserve', 500, 0)
      await clock.advanceAsync('5ms')
      await done
      expect(ledger.spend('k', 1)).toBe(undefined)
      // A reset has forgotten what was lent before: given back, it would be there twice.
      expect(Math.round(bank.remaining)).toBe(move === 'reset' ? 500 : 1000 - spent)
      const asked = ledger.run('reserve', 'k', 1, 0)
      await clock.advanceAsync('5ms')
      expect((await asked).wait < 0).toBe(move === 'block')
    },
  )

  it('are returned before a reconfigure', async () => {
    const { bank, ledger, takeMany } = setup()
    await takeMany(100)
    ledger.reconfigure(tokenBucket({ rate: 1000, burst: 500 }))
    expect(bank.remaining).toBeCloseTo(400, 3)
    expect(ledger.spend('k', 1)).toBe(undefined)
  })

  it('are spent in an outage also by calls with options, and by those of a composite', async () => {
    const { clock, teller, ledger, takeMany } = setup()
    await takeMany(100)
    const limiter = new RemoteLimiter(ledger, { name: 'api', clock, policy: 'deny' })
    const local = LimiterFactory.tokenBucket({ rate: 1000, clock })
    const both = LimiterFactory.composite(limiter, local)
    const shadow = new RemoteLimiter(ledger, { name: 'api', clock, policy: 'deny', shadow: true })
    teller.down = true
    expect(await limiter.consume('other')).toMatchObject({ allowed: false, degraded: true })
    for (const one of [limiter, both, shadow]) {
      for (const call of [1, { cost: 1 }]) {
        const decision = await one.consume('k', call)
        expect(decision).toMatchObject({ allowed: true })
        expect(decision.degraded).toBeUndefined()
        expect(decision.wouldDeny ?? false).toBe(false)
      }
    }
  })

  it('are spent while the lender cannot be asked, and then it is said', async () => {
    const { teller, ledger, take, takeMany } = setup()
    await takeMany(100)
    teller.down = true
    let spent = 0
    while (ledger.spend('k', 1) !== undefined) spent++
    expect(spent).toBeGreaterThan(20)
    await expect(take()).rejects.toThrow('down')
    teller.down = false
    expect((await take()).wait).toBe(0)
  })

  it.each([
    ['strict', { strict: true }],
    ['a window', { rule: fixedWindow({ rate: 1000 }) }],
  ])('are never asked for: %s', async (_, options) => {
    const { bank, takeMany } = setup(options)
    await takeMany(100)
    expect(new Set(bank.calls)).toEqual(new Set(['reserve']))
  })

  it('of no more keys than there is room for, and those that have to go are returned', async () => {
    const { bank, ledger, take } = setup({ maxKeys: 3 })
    for (let key = 0; key < 20; key++) for (let i = 0; i < 5; i++) await take(1, `k${key}`)
    const returned = bank.calls.filter((call) => call === 'return').length
    expect(returned).toBeGreaterThan(10)
    const held = Array.from({ length: 20 }, (_, key) => ledger.spend(`k${key}`, 1)).filter(Boolean)
    expect(held.length).toBeLessThanOrEqual(3)
  })
})

describe('denials', () => {
  for (const strict of [true, false]) {
    const hour = (rate = 10) => ({ rule: tokenBucket({ rate, per: '1h' }), strict })

    it(`are known here for as much; how long more would wait is asked, strict ${strict}`, async () => {
      const { bank, ledger, take } = setup(hour())
      await take(8)
      expect((await take(3)).wait).toBeLessThan(0)
      const calls = bank.calls.length
      const again = await take(3)
      expect(again.wait).toBeLessThan(-359e6)
      expect(again.remaining).toBe(2)
      expect(ledger.spend('k', 3)?.wait).toBeLessThan(0)
      expect(bank.calls.length).toBe(calls)
      expect((await take(5)).wait).toBeLessThan(-3 * 359e6)
      expect(ledger.spend('k', 10)).toBe(undefined)
      expect((await take(10)).wait).toBeLessThan(-8 * 359e6)
      // Less was not denied, and another key neither.
      expect((await take(2)).wait).toBe(0)
      expect(ledger.spend('other', 3)).toBe(undefined)
    })

    it(`are asked anew when something was taken since, strict ${strict}`, async () => {
      const { ledger, take } = setup(hour())
      await take(8)
      expect((await take(4)).remaining).toBe(2)
      await take(1)
      const later = await take(4)
      expect(later.remaining).toBe(1)
      expect(later.wait).toBeLessThan(-3 * 359e6)
      for (const wait of [0, 3600e6]) {
        await ledger.run('reserve', 'k', 1, wait, tokenBucket({ rate: 10, per: '1h', burst: 20 }))
        expect(ledger.spend('k', 4)).toBe(undefined)
        expect((await take(4)).wait).toBeLessThan(later.wait)
      }
    })

    it(`end when it is time, and not a tick later, strict ${strict}`, async () => {
      const { clock, take } = setup({ rule: tokenBucket({ rate: 100, burst: 10 }), strict })
      await take(10)
      const { wait } = await take(3)
      expect(wait).toBe(-30_000)
      clock.advance('29.99ms')
      expect((await take(3)).wait).toBe(-10)
      clock.advance('0.01ms')
      expect((await take(3)).wait).toBe(0)
    })

    it(`are believed for a quarter of a second at most, strict ${strict}`, async () => {
      const { clock, bank, take } = setup(hour())
      await take(10)
      await take(1)
      // Another process gives back.
      bank.move('refund', 5, 0)
      clock.advance('249ms')
      expect((await take(1)).wait).toBeLessThan(0)
      clock.advance('1ms')
      expect((await take(1)).wait).toBe(0)
    })

    it.each(['refund', 'reset'] as const)(
      `are forgotten at an own %s, also one that was still being asked, strict ${strict}`,
      async (move) => {
        const { clock, teller, ledger, take } = setup(hour())
        await take(10)
        await take(1)
        await ledger.run(move, 'k', 1, 0)
        expect((await take(1)).wait).toBe(0)
        if (move === 'reset') await take(9)
        teller.delay = () => 1
        const denied = take(1)
        void ledger.run(move, 'k', 1, 0)
        await clock.advanceAsync('3ms')
        expect((await denied).wait).toBeLessThan(0)
        expect(ledger.spend('k', 1)).toBe(undefined)
      },
    )

    it(`are forgotten at a reconfigure, strict ${strict}`, async () => {
      const { ledger, take } = setup(hour())
      await take(10)
      await take(1)
      ledger.reconfigure(tokenBucket({ rate: 20, per: '1h' }))
      expect((await take(1)).wait).toBe(0)
    })
  }
})
