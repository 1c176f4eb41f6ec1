import type { Millis } from '../../core/duration.ts'
import type { PlainJob } from './plain-job.ts'
import type { StoreLimit } from './terms.ts'

interface Bucket {
  tokens: number
  at: Millis
}

/** What each key may still use. */
export class PlainLimits {
  readonly #limit: StoreLimit | undefined
  readonly #buckets = new Map<string, Bucket>()

  constructor(limit: StoreLimit | undefined) {
    this.#limit = limit
  }

  /** How long `job` must wait for its key: 0 where it may start, Infinity where no time can be told. */
  wait(job: PlainJob<unknown>, running: readonly PlainJob<unknown>[], now: Millis): Millis {
    const limit = this.#limit
    if (limit === undefined || job.limiterKey === undefined) return 0
    if (limit.kind === 'concurrency') {
      const used = running.filter((other) => other.limiterKey === job.limiterKey)
      return used.reduce((sum, other) => sum + other.cost, 0) + job.cost <= limit.limit
        ? 0
        : Infinity
    }
    const missing = job.cost - this.#bucket(job.limiterKey, now).tokens
    // Sums of fractions are off by less than any clock can tell.
    return missing <= 1e-9 ? 0 : (missing * limit.per) / limit.rate
  }

  /** Takes what a start of `job` costs. */
  take(job: PlainJob<unknown>, now: Millis): void {
    if (this.#limit?.kind !== 'token-bucket' || job.limiterKey === undefined) return
    this.#bucket(job.limiterKey, now).tokens -= job.cost
  }

  #bucket(key: string, now: Millis): Bucket {
    const limit = this.#limit as StoreLimit & { kind: 'token-bucket' }
    const bucket = this.#buckets.get(key) ?? { tokens: limit.burst, at: now }
    const grown = ((now - bucket.at) * limit.rate) / limit.per
    const tokens = Math.min(limit.burst, bucket.tokens + grown)
    Object.assign(bucket, { tokens, at: now })
    this.#buckets.set(key, bucket)
    return bucket
  }
}
