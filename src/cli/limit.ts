import type { Clock } from '../core/clock.ts'
import { type Duration, type Micros, toPositiveMicros } from '../core/duration.ts'
import { OptionRangeError, OptionTypeError } from '../core/errors.ts'
import { LimiterFactory } from '../limiters/factory.ts'
import type { LocalLimiter } from '../limiters/limiter.ts'
import { MemoryStorage } from '../storage/memory-storage.ts'

export const ALGORITHMS = [
  'token-bucket',
  'sliding-window',
  'leaky-bucket',
  'fixed-window',
] as const
export type Algorithm = (typeof ALGORITHMS)[number]

/** A limit as it was typed, and the numbers in it. */
export interface Limit {
  /** As typed: `100/1m`. */
  readonly text: string
  readonly rate: number
  readonly per: Micros
  /** What a bucket holds; windows have none. */
  readonly burst: number | null
}

const LIMIT = /^(\d+(?:\.\d+)?|\.\d+)\/(.+)$/

/**
 * `<rate>/<duration>`: `100/1m`, `5/250ms`, and for short `10/s`, `100/m`, `1000/h`, `10000/d`.
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function parseLimit(text: string, algorithm: Algorithm, burst: number | undefined): Limit {
  const match = LIMIT.exec(text)
  const rate = Number(match?.[1])
  const per = perOf(match?.[2] ?? '')
  if (match === null || per === undefined) {
    throw new OptionTypeError(
      '--limit',
      `--limit must be <rate>/<duration> like 100/1m, 5/250ms or 10/s, got '${text}'`,
    )
  }
  const bucket = algorithm === 'token-bucket' || algorithm === 'leaky-bucket'
  if (!(rate > 0) || (!bucket && rate < 1)) {
    throw new OptionRangeError(
      '--limit',
      `--limit must have a rate ${bucket ? '> 0' : `>= 1 with ${algorithm}`}, got '${text}'`,
    )
  }
  return { text, rate, per, burst: bucket ? (burst ?? Math.max(1, rate)) : null }
}

function perOf(text: string): Micros | undefined {
  const duration = /^\d+$/.test(text) ? Number(text) : /^[a-z]+$/.test(text) ? `1${text}` : text
  try {
    return toPositiveMicros('--limit', duration as Duration)
  } catch {
    return undefined
  }
}

// Buckets cost a few bytes a key; the states of windows are lists.
const MOST_BUCKETS = 1_000_000
const MOST_WINDOWS = 100_000

/**
 * The limits as one limiter, all or none. Each is named by its place in the list.
 *
 * Make it when `clock` stands at the beginning of the log: ledgers count from where they are opened, and are most
 * exact near it.
 */
export function limiterOf(
  algorithm: Algorithm,
  limits: readonly Limit[],
  clock: Clock,
): LocalLimiter {
  const maxKeys = algorithm.endsWith('bucket') ? MOST_BUCKETS : MOST_WINDOWS
  const storage = new MemoryStorage({ clock, maxKeys })
  const limiters = limits.map((limit, i) => single(algorithm, limit, storage, String(i)))
  return limiters.length === 1 ? (limiters[0] as LocalLimiter) : LimiterFactory.composite(limiters)
}

function single(
  algorithm: Algorithm,
  limit: Limit,
  storage: MemoryStorage,
  name: string,
): LocalLimiter {
  const { rate } = limit
  // The scope keeps two equal limits from sharing their counts.
  const quota = { rate, per: limit.per / 1e6, storage, scope: name, name }
  const room = limit.burst ?? rate
  switch (algorithm) {
    case 'token-bucket':
      return LimiterFactory.tokenBucket({ ...quota, burst: room })
    case 'leaky-bucket':
      return LimiterFactory.leakyBucket({ ...quota, capacity: room })
    case 'sliding-window':
      return LimiterFactory.slidingWindow(quota)
    case 'fixed-window':
      return LimiterFactory.fixedWindow(quota)
  }
}
