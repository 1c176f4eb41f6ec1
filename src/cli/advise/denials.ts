import type { Micros } from '../../core/duration.ts'
import type { Rule } from '../../core/rule.ts'
import { slidingWindow } from '../../rules/sliding-window.ts'
import { tokenBucket } from '../../rules/token-bucket.ts'
import type { Algorithm } from '../judging/limit.ts'
import type { Requests } from './history.ts'

/** How many requests of one key a limit denies: those from `begin` up to `end`. */
export type Denials = (requests: Requests, begin: number, end: number) => number

/** While at most so many moments lie in a window, the sliding window of aioflux is exact, and so is a plain list. */
const MOMENTS = 128

/**
 * Counts denials as the limiters of aioflux decide, in the same arithmetic, for one key at a time.
 *
 * @param rate a whole number; buckets hold as much
 * @param per in microseconds
 */
export function denialsOf(algorithm: Algorithm, rate: number, per: Micros): Denials {
  switch (algorithm) {
    case 'token-bucket':
    case 'leaky-bucket':
      return bucket(rate, per)
    case 'fixed-window':
      return fixed(rate, per)
    case 'sliding-window':
      return sliding(rate, per)
  }
}

/** What is used falls by one every interval. The sums are those of the rule, so ties fall the same way. */
function bucket(rate: number, per: Micros): Denials {
  const rule = tokenBucket({ rate, per: per / 1e6 })
  const { interval, grain } = rule.drain as NonNullable<Rule['drain']>
  const { capacity } = rule
  return ({ times, costs }, begin, end) => {
    let used = 0
    let at = times[begin] as number
    let denied = 0
    for (let i = begin; i < end; i++) {
      const now = times[i] as number
      const cost = costs === undefined ? 1 : (costs[i] as number)
      const elapsed = now - at
      const drained = elapsed > 0 ? Math.max(0, used - elapsed / interval) : used
      if (drained + cost <= capacity + Math.min(grain, cost / 2) && cost <= rate) {
        used = drained + cost
        at = now
      } else if (cost > 0) {
        denied += 1
      }
    }
    return denied
  }
}

/** A key's first request opens a window; the first one after its end opens another. */
function fixed(rate: number, per: Micros): Denials {
  const ceiling = rate * (1 + 1e-9)
  return ({ times, costs }, begin, end) => {
    let start = -Infinity
    let count = 0
    let denied = 0
    for (let i = begin; i < end; i++) {
      const now = times[i] as number
      const cost = costs === undefined ? 1 : (costs[i] as number)
      if (now - start >= per) count = 0
      // An empty window has not been opened yet.
      if (count === 0) start = now
      if (count + cost <= ceiling && cost <= rate) count += cost
      else if (cost > 0) denied += 1
    }
    return denied
  }
}

function sliding(rate: number, per: Micros): Denials {
  const rule = slidingWindow({ rate, per: per / 1e6 })
  // What passed last, in a ring: the request that passed `rate` requests ago must have left the window.
  const passed = new Float64Array(Math.min(rate, MOMENTS))
  return (requests, begin, end) => {
    const { times, costs } = requests
    if (costs !== undefined || rate > MOMENTS) return byRule(rule, requests, begin, end)
    let count = 0
    let place = 0
    for (let i = begin; i < end; i++) {
      const now = times[i] as number
      if (count >= rate && now - (passed[place] as number) < per) continue
      passed[place] = now
      place = place + 1 === rate ? 0 : place + 1
      count += 1
    }
    return end - begin - count
  }
}

function byRule(rule: Rule, { times, costs }: Requests, begin: number, end: number): number {
  const state = rule.fresh(times[begin] as number)
  let denied = 0
  for (let i = begin; i < end; i++) {
    const cost = costs === undefined ? 1 : (costs[i] as number)
    if (cost === 0) continue
    const granted = cost <= rule.capacity && rule.reserve(state, times[i] as number, cost, 0) >= 0
    if (!granted) denied += 1
  }
  return denied
}

/**
 * The most that one key asked for within `window`: the costs of the requests from `begin` up to `end` that lie in one
 * window, where a request leaves the window `window` after it came.
 */
export function peakOf(
  { times, costs }: Requests,
  begin: number,
  end: number,
  window: Micros,
): number {
  let peak = 0
  let oldest = begin
  let sum = 0
  for (let i = begin; i < end; i++) {
    const now = times[i] as number
    while ((times[oldest] as number) + window <= now) {
      sum -= costs === undefined ? 1 : (costs[oldest] as number)
      oldest += 1
    }
    sum += costs === undefined ? 1 : (costs[i] as number)
    if (sum > peak) peak = sum
  }
  return peak
}
