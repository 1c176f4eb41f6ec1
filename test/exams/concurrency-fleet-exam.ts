import { type AdaptivePermits, LimiterFactory, type LimiterStorage } from 'aioflux'
import { ManualClock, seeded } from 'aioflux/testing'
import { expect, it } from 'vitest'
import { jain } from '../support/jain.ts'

const STEP = 10
const SERVICE = 50

interface Job {
  readonly arrived: number
  readonly done: (latency: number) => void
}

/** A server of so many workers, each of which takes 50 ms for a job; more jobs wait in line. */
class Server {
  workers: number
  #waiting: Job[] = []
  #working: (Job & { until: number })[] = []

  constructor(workers: number) {
    this.workers = workers
  }

  accept(now: number, done: (latency: number) => void): void {
    this.#waiting.push({ arrived: now, done })
  }

  step(now: number): void {
    const over = this.#working.filter(({ until }) => until <= now)
    this.#working = this.#working.filter(({ until }) => until > now)
    while (this.#working.length < this.workers && this.#waiting.length > 0) {
      const job = this.#waiting.shift() as Job
      this.#working.push({ ...job, until: now + SERVICE })
    }
    for (const { arrived, done } of over) done(now - arrived)
  }
}

/**
 * A limit on how many at once that finds itself: simulated by the clock, over whatever storage.
 *
 * @param phases how many the other side can do at once, one after the other; with `from`, it comes there by and by
 * @param classes true where every second call is of a class that may fill a share only
 */
export function concurrencyFleetExam(
  make: (clock: ManualClock, fleet: string) => LimiterStorage | undefined,
  {
    processes = 3,
    phases = [40, 15, 80] as readonly (number | { from: number; to: number })[],
    seconds = 40,
    classes = false,
  } = {},
): void {
  it('finds how many the other side can do at once, and follows as that moves; no process gets more than another', {
    timeout: 60_000,
  }, async () => {
    const clock = new ManualClock('1h')
    const fleet = crypto.randomUUID()
    const random = seeded(7)
    const members = Array.from({ length: processes }, (): AdaptivePermits => {
      const storage = make(clock, fleet)
      return LimiterFactory.adaptiveConcurrency({
        initialLimit: 10,
        maxLimit: 500,
        clock,
        ttl: '1h',
        ...(classes && { classes: { batch: 0.8 } }),
        ...(storage && { storage, scope: 'fleet' }),
      })
    })
    const server = new Server(40)
    const batches = { all: 0, batch: 0 }
    const run = async (seconds: number, workersAt: (part: number) => number) => {
      const latencies: number[] = []
      const shares = members.map(() => 0)
      const steps = (seconds * 1000) / STEP
      for (let step = 0; step < steps; step++) {
        server.workers = Math.round(workersAt(step / steps))
        clock.advance(STEP / 1000)
        const ended: Promise<void>[] = []
        const now = clock.now()
        server.step(now)
        // Those who ask never stop, but are told no by the first refusal of a step. They ask in turn, and who begins is drawn.
        const first = Math.floor(random() * processes)
        let asking = members.map((_, i) => (first + i) % processes)
        for (let turn = 0; asking.length > 0; turn++) {
          const still: number[] = []
          for (const i of asking) {
            const member = members[i] as AdaptivePermits
            const batch = classes && turn % 2 === 1
            // A class that is full says nothing about the others.
            if (!(await member.acquire('', batch ? { class: 'batch' } : 1))) {
              if (batch) still.push(i)
              continue
            }
            still.push(i)
            shares[i] = (shares[i] as number) + 1
            batches.all += 1
            if (batch) batches.batch += 1
            server.accept(now, (latency) => {
              latencies.push(latency)
              member.reportSuccess(latency / 1000)
              ended.push(member.release())
            })
          }
          asking = still
        }
        await Promise.all(ended)
      }
      return { rate: latencies.length / seconds, latency: mean(latencies), shares }
    }
    for (const phase of phases) {
      const { from, to } = typeof phase === 'number' ? { from: phase, to: phase } : phase
      await run(seconds, (part) => from + (to - from) * Math.min(1, 2 * part))
      const { rate, latency, shares } = await run(5, () => to)
      const most = (to * 1000) / SERVICE
      expect(rate / most, `${rate} of ${most} at ${to}`).toBeGreaterThan(0.9)
      expect(latency, `${to}`).toBeLessThan(2.5 * SERVICE)
      expect(jain(shares), `${shares}`).toBeGreaterThan(0.9)
      for (const member of members) {
        expect(member.currentLimit).toBeGreaterThanOrEqual(to * 0.9)
        expect(member.currentLimit).toBeLessThan(to * 2.5)
      }
    }
    // The class is shed first.
    if (classes) expect(batches.batch / batches.all).toBeLessThan(0.45)
    for (const member of members) await member.close()
  })

  it('measures what a composite schedules', async () => {
    const clock = new ManualClock('1h')
    const storage = make(clock, crypto.randomUUID())
    const common = { clock, ttl: '1h', ...(storage && { storage, scope: 'part' }) } as const
    const inner = LimiterFactory.adaptiveConcurrency({ ...common, initialLimit: 1 })
    const failing = LimiterFactory.adaptiveConcurrency({ clock, initialLimit: 10 })
    const bucket = LimiterFactory.tokenBucket({ rate: 1e6, clock })
    const both = LimiterFactory.composite(bucket, LimiterFactory.composite(inner), failing)
    for (let i = 0; i < 80; i++) {
      await both.schedule('', () => clock.advance('100ms'))
      await inner.peek()
    }
    expect(inner.currentLimit).toBe(2)
    expect(failing.currentLimit).toBe(10)
    const failed = () => {
      clock.advance('100ms')
      throw new Error('too much')
    }
    for (let i = 0; i < 12; i++) {
      await expect(both.schedule('', failed)).rejects.toThrow('too much')
    }
    expect(failing.currentLimit).toBe(9)
    for (const one of [both, inner, failing, bucket]) await one.close()
  })
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length
}
