import type { Micros } from '../core/duration.ts'
import type { Report, State } from '../core/rule.ts'
import { Law, thousandths, UNKNOWN } from './law.ts'

/** Fewer samples than this say too little. */
const ENOUGH = 10
/** How fast the latency without a queue follows slower and faster answers, in windows. */
const SLOWLY = 1 / 100
/** The limit moves so far towards where it should be in one window. */
const SMOOTHING = 0.2
/** What the limit is multiplied by where too many calls were dropped, and how many are too many. */
const BACKOFF = 0.9
const DROPPED = 0.1

/** The numbers of the law: limits are calls at once, the window in microseconds. */
export interface GradientNumbers {
  readonly initial: number
  readonly min: number
  readonly max: number
  readonly tolerance: number
  readonly window: Micros
}

/**
 * How many calls at once, from how much slower they are than without a queue: `limit * min(1, tolerance * base / latency)` and the
 * square root of the limit more, where the limit was needed.
 *
 * After Gradient2 of Netflix's concurrency-limits (Gradient2Limit.java), which stands on TCP Vegas (Brakmo and Peterson, 1995). Other
 * than there, the base follows slower answers only while there is no queue, or while the limit has come down to its least: a base that
 * follows the queue lets the limit creep up for as long as there is load.
 *
 * State: `[limit, since, samples, sum, dropped, busiest, base]`. A report says how many were at work at once (`level`), how many
 * ended well (`count`) after how long together (`amount`, microseconds), and how many were dropped (`bad`).
 */
export class GradientLaw extends Law {
  readonly kind = 'gradient'
  readonly #numbers: GradientNumbers

  constructor(numbers: GradientNumbers) {
    super({ ...numbers })
    this.#numbers = numbers
  }

  fresh(now: Micros): State {
    return [UNKNOWN, now, 0, 0, 0, 0, 0]
  }

  report(state: State, now: Micros, { level, count, amount, bad }: Report): number {
    if (state[0] === UNKNOWN) state[0] = this.#numbers.initial
    state[2] = (state[2] as number) + count
    state[3] = (state[3] as number) + amount
    state[4] = (state[4] as number) + bad
    state[5] = Math.max(state[5] as number, level)
    const [limit, since, samples, sum, dropped, busiest, base] = state as Numbers
    const enough = samples + dropped >= ENOUGH
    if (enough && now - since >= this.#numbers.window) {
      const latency = samples > 0 ? sum / samples : base
      state[6] = this.#base(base, latency, limit)
      state[0] = this.#next(limit, latency, state[6], dropped / (samples + dropped), busiest)
      state[1] = now
      state[2] = state[3] = state[4] = state[5] = 0
    }
    return thousandths(state[0] as number)
  }

  /** The latency without a queue. */
  #base(base: number, latency: number, limit: number): number {
    const { tolerance, min } = this.#numbers
    if (base === 0 || latency <= base) return latency
    if (limit <= min) return (base + latency) / 2
    return latency <= ((1 + tolerance) / 2) * base ? base + (latency - base) * SLOWLY : base
  }

  #next(limit: number, latency: number, base: number, dropped: number, busiest: number): number {
    const { min, max, tolerance } = this.#numbers
    if (dropped > DROPPED) return Math.max(min, limit * BACKOFF)
    if (busiest < limit / 2 || latency === 0) return limit
    const gradient = Math.max(0.5, Math.min(1, (tolerance * base) / latency))
    const wanted = limit * gradient + Math.sqrt(limit)
    return Math.min(max, Math.max(min, limit + (wanted - limit) * SMOOTHING))
  }
}

type Numbers = [number, number, number, number, number, number, number]
