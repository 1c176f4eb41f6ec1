import { type AdaptivePermits, LimiterFactory, type LimiterStorage } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { expect, it } from 'vitest'

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

/** A limit on how many at once that finds itself: simulated by the clock, over whatever storage. */
export function concurrencyFleetExam(
  make: (clock: ManualClock, fleet: string) => LimiterStorage,
  { processes = 3, phases = [40, 15, 80], seconds = 40 } = {},
): void {
  it('finds how many the other side can do at once, and follows as that moves', {
    timeout: 60_000,
  }, async () => {
    const clock = new ManualClock('1h')
    const fleet = crypto.randomUUID()
    const members = Array.from(
      { length: processes },
      (): AdaptivePermits =>
        LimiterFactory.adaptiveConcurrency({
          initialLimit: 10,
          maxLimit: 500,
          storage: make(clock, fleet),
          clock,
          scope: 'fleet',
          ttl: '1h',
        }),
    )
    const server = new Server(40)
    const run = async (seconds: number) => {
      const latencies: number[] = []
      for (let step = 0; step < (seconds * 1000) / STEP; step++) {
        clock.advance(STEP / 1000)
        const ended: Promise<void>[] = []
        const now = clock.now()
        server.step(now)
        for (const member of members) {
          // Those who ask never stop, but are told no by the first refusal of a step.
          for (;;) {
            if (!(await member.acquire())) break
            server.accept(now, (latency) => {
              latencies.push(latency)
              member.reportSuccess(latency / 1000)
              ended.push(member.release())
            })
          }
        }
        await Promise.all(ended)
      }
      return { rate: latencies.length / seconds, latency: mean(latencies) }
    }
    for (const workers of phases) {
      server.workers = workers
      await run(seconds)
      const { rate, latency } = await run(5)
      const most = (workers * 1000) / SERVICE
      expect(rate / most, `${rate} of ${most} at ${workers}`).toBeGreaterThan(0.9)
      expect(latency, `${workers}`).toBeLessThan(2.5 * SERVICE)
      for (const member of members) {
        expect(member.currentLimit).toBeGreaterThanOrEqual(workers * 0.9)
        expect(member.currentLimit).toBeLessThan(workers * 2.5)
      }
    }
    for (const member of members) await member.close()
  })
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length
}
