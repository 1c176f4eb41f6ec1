import type { Algorithm } from '../judging/limit.ts'
import type { Effect, Effects } from './effects.ts'

/** A limit that fits, and how sure it is that no smaller one does. */
export interface Found {
  readonly rate: number
  readonly effect: Effect
  /** False: a smaller rate may fit too, because not every one could be tried. */
  readonly smallest: boolean
}

/** So many requests are judged to try every rate, which takes a second or two. */
const WORK = 2e8

/** Up to this rate the sliding window is exact. */
const EXACT_WINDOW = 128

/**
 * The smallest whole rate whose effect `fits`.
 *
 * Where each request costs 1 a higher rate never denies more, so halving the range finds the smallest. With costs, and for
 * the sliding window above 128, a higher rate can deny more now and then (a large request that passes takes the room of
 * several small ones). Then every smaller rate is tried, if the log is small enough.
 */
export function smallestRate(
  effects: Effects,
  algorithm: Algorithm,
  costly: boolean,
  fits: (effect: Effect) => boolean,
): Found {
  let low = 0
  let high = effects.highest
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (fits(effects.of(algorithm, middle))) high = middle
    else low = middle
  }
  const steady = !costly && (algorithm !== 'sliding-window' || high <= EXACT_WINDOW)
  const affordable = high * effects.size <= WORK
  if (affordable) {
    for (let rate = 1; rate < high; rate++) {
      if (fits(effects.of(algorithm, rate))) high = rate
    }
  }
  return { rate: high, effect: effects.of(algorithm, high), smallest: steady || affordable }
}
