import { type Adaptive, LimiterFactory, type LimiterStorage } from 'aioflux'
import { ManualClock, seeded } from 'aioflux/testing'
import { expect, it } from 'vitest'
import { jain } from '../support/jain.ts'

const TICKS = 10

/** What stands behind the limiters, and does so many calls a second; more of them fail. */
class Backend {
  perSecond: number
  #left = 0

  constructor(perSecond: number) {
    this.perSecond = perSecond
  }

  tick(): void {
    const more = this.perSecond / TICKS
    this.#left = Math.min(this.#left + more, 2 * more)
  }

  serves(): boolean {
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}

/**
 * One rate for many processes, learnt from all outcomes: simulated by the clock.
 *
 * @param make the storage of one process; all of them share their states
 * @param lends do processes borrow in advance? Then some of the rate lies idle, and the rate is higher by so much.
 * @param seeds in which order the processes ask is drawn from these, one run for each
 * @param processes how many there are
 */
export function fleetExam(
  make: (clock: ManualClock, fleet: string) => LimiterStorage | undefined,
  { lends = false, seeds = [11], processes = 4 } = {},
): void {
  const fleet = (options = {}) => {
    const clock = new ManualClock('1h')
    const name = crypto.randomUUID()
    const members = Array.from({ length: processes }, (): Adaptive => {
      const storage = make(clock, name)
      return LimiterFactory.adaptive({
        initialRate: 60,
        minRate: 10,
        maxRate: 1000,
        increaseStep: 4,
        decreaseFactor: 0.9,
        errorThreshold: 0.05,
        window: '1s',
        clock,
        ...(storage && { storage, scope: 'fleet' }),
        ...options,
      })
    })
    return { clock, members }
  }

  /** Lets every process ask as often as it can for so long; returns how many of its calls were let through, and the rates. */
  async function run(
    { clock, members }: ReturnType<typeof fleet>,
    backend: Backend,
    seconds: number,
    random: () => number,
    { capacityAt = (_part: number) => backend.perSecond, classes = false } = {},
  ) {
    const admitted = members.map(() => 0)
    const batches = { passed: 0 }
    const rates: number[] = []
    for (let tick = 0; tick < seconds * TICKS; tick++) {
      clock.advance(1000 / TICKS / 1000)
      backend.perSecond = capacityAt(tick / (seconds * TICKS))
      backend.tick()
      const tries = Math.ceil((2 * backend.perSecond) / TICKS / members.length)
      const order = Array.from({ length: tries * members.length }, (_, i) => i % members.length)
      shuffle(order, random)
      const answers = await Promise.all(
        order.map(async (i, at) => {
          const call = classes && at % 2 === 1 ? { class: 'batch' } : 1
          return [i, await members[i]?.acquire('', call), call !== 1] as const
        }),
      )
      for (const [i, allowed, batch] of answers) {
        if (!allowed) continue
        if (batch) batches.passed += 1
        admitted[i] = (admitted[i] as number) + 1
        if (backend.serves()) members[i]?.reportSuccess('20ms')
        else members[i]?.reportError()
      }
      // Answers about what has been learnt come before the next tick.
      await members[0]?.peek()
      rates.push((members[tick % members.length] as Adaptive).currentRate)
    }
    return { admitted, rates, batches }
  }

  const mean = (numbers: readonly number[]) =>
    numbers.reduce((sum, one) => sum + one, 0) / numbers.length

  /** The rate, and what passes, are within 10 % of what there is. */
  function expectFound(
    { rates, admitted }: Awaited<ReturnType<typeof run>>,
    capacity: number,
    seconds: number,
  ): void {
    const rate = mean(rates)
    if (!lends) expect(Math.abs(rate / capacity - 1), `${rate} of ${capacity}`).toBeLessThan(0.1)
    const passed = admitted.reduce((sum, one) => sum + one, 0) / seconds
    expect(Math.abs(passed / capacity - 1), `${passed} of ${capacity}`).toBeLessThan(0.1)
  }

  it.each(seeds)(
    'finds a capacity that nobody tells, and follows it as it moves; no process gets more than another (seed %i)',
    async (seed) => {
      const world = fleet()
      const backend = new Backend(200)
      const random = seeded(seed)
      const parts = world.members.map(() => 0)
      for (const capacity of [200, 120, 260]) {
        backend.perSecond = capacity
        const before = await run(world, backend, 40, random)
        const found = await run(world, backend, 20, random)
        expectFound(found, capacity, 20)
        for (const i of parts.keys()) {
          parts[i] =
            (parts[i] as number) + (before.admitted[i] as number) + (found.admitted[i] as number)
        }
      }
      // What a process asks in one tick travels together, so who is first in it gets much: over many ticks all get the same.
      const whole = parts.reduce((sum, one) => sum + one, 0)
      for (const part of parts) {
        expect(Math.abs((part / whole) * processes - 1), `${parts}`).toBeLessThan(0.1)
      }
      expect(jain(parts)).toBeGreaterThan(0.99)
    },
  )

  it('follows a capacity that rises and falls by and by, also with classes, of which the smaller is shed first', async () => {
    const classes = { batch: 0.5 }
    const world = fleet({ classes, initialRate: 200 })
    const backend = new Backend(200)
    const random = seeded(3)
    let passed = 0
    let batches = 0
    for (const [from, to] of [
      [200, 280],
      [280, 130],
      [130, 130],
    ] as const) {
      const capacityAt = (part: number) => from + (to - from) * part
      const moving = await run(world, backend, 60, random, { capacityAt, classes: true })
      // On the way it is behind, but lets through what there is.
      const all = moving.admitted.reduce((sum, one) => sum + one, 0)
      const behind = lends ? 0.25 : 0.15
      expect(Math.abs(all / 60 / ((from + to) / 2) - 1), `${all / 60}`).toBeLessThan(behind)
      const found = await run(world, backend, 20, random, { classes: true })
      expectFound(found, to, 20)
      expect(jain(found.admitted)).toBeGreaterThan(0.9)
      passed += found.admitted.reduce((sum, one) => sum + one, 0)
      batches += found.batches.passed
    }
    expect(batches / passed).toBeLessThan(0.45)
  })

  it('is one rate: a process that only listens has it too, and failures of one burst are one decrease', async () => {
    const { clock, members } = fleet({ initialRate: 100, decreaseFactor: 0.5 })
    const [one, other] = [members[0], members.at(-1)] as [Adaptive, Adaptive]
    for (let i = 0; i < 60; i++) expect(await (i % 2 ? one : other).acquire()).toBe(true)
    for (let i = 0; i < 30; i++) {
      one.reportError()
      other.reportError()
    }
    await one.peek()
    clock.advance('300ms')
    for (const member of members) await member.acquire()
    await one.peek()
    for (const member of members) expect(member.currentRate).toBe(50)
    expect((await other.peek()).limit).toBe(50)
  })

  it('does not learn from calls that it did not let through, nor rise while nobody needs it', async () => {
    const { clock, members } = fleet({ initialRate: 100 })
    for (const member of members) for (let i = 0; i < 50; i++) member.reportError()
    for (let second = 0; second < 20; second++) {
      for (const member of members) {
        if (await member.acquire()) member.reportSuccess()
      }
      clock.advance('1s')
    }
    for (const member of members) expect(member.currentRate).toBe(100)
  })
}

/** Every order is as likely as every other (Fisher and Yates): who is asked first more often than others gets more. */
function shuffle(items: number[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const item = items[i] as number
    items[i] = items[j] as number
    items[j] = item
  }
}
