import { leakyBucket, type Rule, slidingWindow, tokenBucket } from 'aioflux'

export type LineName = 'token-bucket' | 'leaky-bucket' | 'sliding-window'

/** Rules to wait for, and when whoever is `place`-th in line has his turn, in milliseconds after the first. */
export const lines: Record<LineName, { rule: Rule; due(place: number): number }> = {
  'token-bucket': {
    rule: tokenBucket({ rate: 20, burst: 1 }),
    due: (place) => place * 50,
  },
  'leaky-bucket': {
    rule: leakyBucket({ rate: 20, capacity: 10 }),
    due: (place) => place * 50,
  },
  'sliding-window': {
    rule: slidingWindow({ rate: 5, per: '250ms' }),
    due: (place) => Math.floor(place / 5) * 250,
  },
}
