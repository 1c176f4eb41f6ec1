import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { isAioFluxError } from '../../core/errors.ts'
import { LimiterFactory } from '../../limiters/factory.ts'
import type { LocalLimiter } from '../../limiters/limiter.ts'
import { ManualClock } from '../../testing/manual-clock.ts'

/** How many a second each of the limits lets through in the long run. */
export const RATE = 10

/** A limit on show, and what it did. */
export interface Show {
  readonly name: string
  readonly says: string
  /** When requests went ahead. */
  readonly passed: readonly Millis[]
}

/** Sends the same requests through each kind of limit, on a clock that is moved by hand. */
export async function shows(arrivals: readonly Millis[]): Promise<Show[]> {
  return [
    {
      name: 'token bucket',
      says: `saves up to ${2 * RATE} for a burst, then ${RATE}/s`,
      passed: asked(arrivals, (clock) =>
        LimiterFactory.tokenBucket({ rate: RATE, burst: 2 * RATE, clock }),
      ),
    },
    {
      name: 'sliding window',
      says: `never more than ${RATE} in any second`,
      passed: asked(arrivals, (clock) => LimiterFactory.slidingWindow({ rate: RATE, clock })),
    },
    {
      name: 'fixed window',
      says: `${RATE} in each second; where two meet, more`,
      passed: asked(arrivals, (clock) => LimiterFactory.fixedWindow({ rate: RATE, clock })),
    },
    {
      name: 'leaky bucket',
      says: 'callers wait their turn, up to 1 s: an even stream',
      passed: await waited(arrivals, (clock) => LimiterFactory.leakyBucket({ rate: RATE, clock })),
    },
  ]
}

type Make = (clock: Clock) => LocalLimiter

/** Each request asks once: yes or no. */
function asked(arrivals: readonly Millis[], make: Make): Millis[] {
  const clock = new ManualClock()
  const limiter = make(clock)
  return arrivals.filter((at) => {
    clock.advance((at - clock.now()) / 1000)
    return limiter.allow('client')
  })
}

/** Each request waits up to a second for its turn. */
async function waited(arrivals: readonly Millis[], make: Make): Promise<Millis[]> {
  const clock = new ManualClock()
  const limiter = make({ now: () => clock.now(), after: (delay, run) => clock.after(delay, run) })
  const passed: Millis[] = []
  const waits: Promise<unknown>[] = []
  for (const at of arrivals) {
    await clock.advanceAsync((at - clock.now()) / 1000)
    const wait = limiter.wait('client', { timeout: '1s' }).then(
      () => passed.push(clock.now()),
      (error: unknown) => {
        if (!isAioFluxError(error, 'WAIT_TIMEOUT')) throw error
      },
    )
    waits.push(wait)
  }
  await clock.advanceAsync('1s')
  await Promise.all(waits)
  return passed
}

/** How many of `times` fall into each second of the clock. */
export function perSecond(times: readonly Millis[], seconds: number): number[] {
  const counts = Array<number>(seconds).fill(0)
  for (const time of times) {
    const second = Math.floor(time / 1000)
    // What waited past the end is drawn at the end.
    const last = Math.min(second, seconds - 1)
    counts[last] = (counts[last] as number) + 1
  }
  return counts
}

/** The most of `times`, which ascend, in any second, wherever it begins. */
export function mostInAnySecond(times: readonly Millis[]): number {
  let most = 0
  let oldest = 0
  times.forEach((time, i) => {
    while ((times[oldest] as number) <= time - 1000) oldest += 1
    most = Math.max(most, i - oldest + 1)
  })
  return most
}
