import type { Clock } from '../../core/clock.ts'
import { type Duration, type Micros, toPositiveMicros } from '../../core/duration.ts'
import { OptionRangeError, OptionTypeError } from '../../core/errors.ts'
import { LimiterFactory } from '../../limiters/factory.ts'
import type { LocalLimiter } from '../../limiters/limiter.ts'
import { MemoryStorage } from '../../storage/memory-storage.ts'

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
export function parseLimit(
  text: string,
  algorithm: Algorithm,
  burst: number | undefined,
  option = '--limit',
): Limit {
  const match = LIMIT.exec(text)
  const rate = Number(match?.[1])
  const per = perOf(match?.[2] ?? '')
  if (match === null || per === undefined) {
    throw new OptionTypeError(
      option,
      `${option} must be <rate>/<duration> like 100/1m, 5/250ms or 10/s, got '${text}'`,
    )
  }
  const bucket = algorithm === 'token-bucket' || algorithm === 'leaky-bucket'
  if (!(rate > 0) || (!bucket && rate < 1)) {
    throw new OptionRangeError(
      option,
      `${option} must have a rate ${bucket ? '> 0' : `>= 1 with ${algorithm}`}, got '${text}'`,
    )
  }
  return { text, rate, per, burst: bucket ? (burst ?? Math.max(1, rate)) : null }
}

/** A duration as on the command line: `1m`, `250ms`, `60` seconds, or `m` for one minute. */
export function perOf(text: string): Micros | undefined {
  const duration = /^\d+$/.test(text) ? Number(text) : /^[a-z]+$/.test(text) ? `1${text}` : text
  try {
    return toPositiveMicros('--limit', duration as Duration)
  } catch {
    return undefined
  }
}

/** How much memory the states of one limit may take, about. */
const STATES_BYTES = 200e6

/** The states of how many keys fit: a few bytes a key for buckets, for windows a list of what passed. */
export function roomFor(algorithm: Algorithm, { rate }: Limit): number {
  if (algorithm.endsWith('bucket')) return 4_000_000
  const moments = algorithm === 'fixed-window' ? 1 : Math.min(Math.ceil(rate), 128)
  return Math.floor(STATES_BYTES / (400 + 24 * moments))
}

/** The limits as one limiter. */
export interface Limits {
  readonly limiter: LocalLimiter
  /** The largest cost that each limit can ever let through. */
  readonly capacities: readonly number[]
  /** True when there are more keys than can be told apart now: new keys share the last slots. */
  crowded(): boolean
}

/**
 * The limits as one limiter, all or none. Each is named by its place in the list.
 *
 * Make it when `clock` stands at the beginning of the log: ledgers count from where they are opened, and are most
 * exact near it.
 *
 * @param room the most keys each limit remembers
 */
export function limiterOf(
  algorithm: Algorithm,
  limits: readonly Limit[],
  clock: Clock,
  room?: number,
): Limits {
  const storages = limits.map(
    (limit) => new MemoryStorage({ clock, maxKeys: room ?? roomFor(algorithm, limit) }),
  )
  const limiters = limits.map((limit, i) =>
    single(algorithm, limit, storages[i] as MemoryStorage, String(i)),
  )
  return {
    limiter:
      limiters.length === 1 ? (limiters[0] as LocalLimiter) : LimiterFactory.composite(limiters),
    capacities: limits.map(({ rate, burst }) => burst ?? rate),
    // A hash table may turn a key away when it is not quite full.
    crowded: () => storages.some(({ size, maxKeys }) => size >= maxKeys * 0.95),
  }
}

function single(
  algorithm: Algorithm,
  limit: Limit,
  storage: MemoryStorage,
  name: string,
): LocalLimiter {
  const { rate } = limit
  // Each has a storage of its own, so that two equal limits do not share their counts.
  const quota = { rate, per: limit.per / 1e6, storage, name }
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
