import { type Limiter, LimiterFactory, type Storage } from 'aioflux'
import { bounds } from '../../support/bound.ts'

export type RuleName =
  | 'token-bucket'
  | 'leaky-bucket'
  | 'sliding-window'
  | 'fixed-window'
  | 'composite'

const PER = 500

/** The same limits in every process. */
export function limiters(storage: Storage): Record<RuleName, Limiter> {
  const { tokenBucket, leakyBucket, slidingWindow, fixedWindow, composite } = LimiterFactory
  const per = PER / 1000
  return {
    'token-bucket': tokenBucket({ rate: 400, burst: 50, storage }),
    'leaky-bucket': leakyBucket({ rate: 300, capacity: 30, storage }),
    'sliding-window': slidingWindow({ rate: 150, per, storage }),
    'fixed-window': fixedWindow({ rate: 150, per, storage }),
    composite: composite(
      tokenBucket({ rate: 400, burst: 100, storage, scope: 'joint' }),
      slidingWindow({ rate: 150, per, storage, scope: 'joint' }),
    ),
  }
}

/** How many each of them lets through within so many milliseconds: anywhere, and from a fresh key on. */
export const laws: Record<
  RuleName,
  { anywhere(ms: number): number; fromStart(ms: number): number }
> = {
  'token-bucket': both(bounds.bucket(50, 400)),
  'leaky-bucket': both(bounds.bucket(30, 300)),
  'sliding-window': both(bounds.sliding(150, PER)),
  'fixed-window': {
    anywhere: bounds.fixed(150, PER),
    fromStart: bounds.fixedFromStart(150, PER),
  },
  composite: both((ms) => Math.min(bounds.bucket(100, 400)(ms), bounds.sliding(150, PER)(ms))),
}

function both(law: (ms: number) => number) {
  return { anywhere: law, fromStart: law }
}
