import { changed, known, type OptionTable, positive } from '../core/check.ts'
import type { Micros } from '../core/duration.ts'
import {
  CALL_QUOTA_OPTIONS,
  type CallQuota,
  QUOTA_OPTIONS,
  type Quota,
  type QuotaChange,
  type Rule,
  type State,
} from '../core/rule.ts'
import { TokenBucket } from './token-bucket.ts'

/** The rate of the stream, and how many may be in the bucket. */
export interface LeakyBucketOptions extends Quota {
  /**
   * How much the bucket holds before it overflows, hence the largest single cost.
   * @default rate, and at least 1
   */
  capacity?: number
}

export const LEAKY_BUCKET_OPTIONS: OptionTable<LeakyBucketOptions> = {
  ...QUOTA_OPTIONS,
  capacity: true,
}

/**
 * An even stream: calls pour water in, it leaks out at a steady rate.
 *
 * A caller that does not wait is told whether its water fits, exactly as by {@link tokenBucket} (the leaky bucket
 * *as a meter*). A caller that waits leaves the bucket in its turn, when all the water before it has leaked out, so
 * waiting calls go ahead one every `per / rate` however bunched they came (the leaky bucket *as a queue*). Choose
 * it where the other side wants an even load. Both readings: J. Turner, "New directions in communications", 1986.
 *
 * @example
 * const limiter = createLimiter(leakyBucket({ rate: 10, per: '1s' }))
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function leakyBucket(options: LeakyBucketOptions): Rule {
  known('leakyBucket', options, LEAKY_BUCKET_OPTIONS)
  return new LeakyBucket(options)
}

/** State: `[level, at]`, the water that was in the bucket at that time. */
class LeakyBucket extends TokenBucket {
  override readonly kind = 'leaky-bucket'
  readonly #options: LeakyBucketOptions

  constructor(options: LeakyBucketOptions, share = 1) {
    const { capacity, ...quota } = options
    super(
      capacity === undefined ? quota : { ...quota, burst: positive('capacity', capacity) },
      share,
    )
    this.#options = options
  }

  override reserve(state: State, now: Micros, cost: number, maxWait: Micros): Micros {
    if (maxWait === 0) return super.reserve(state, now, cost, 0)
    const level = this.used(state, now)
    const wait = this.timeTo(level, Infinity)
    if (wait > maxWait) return -wait
    this.write(state, now, level + cost)
    return wait
  }

  protected override usedBefore(wait: Micros, _cost: number): number {
    return wait / this.drain.interval
  }

  override with(change: QuotaChange): Rule {
    known('a leaky bucket', change, LEAKY_BUCKET_OPTIONS)
    return new LeakyBucket(changed(this.#options, change))
  }

  override quoted(quota: CallQuota): Rule {
    known('a quota of a leaky bucket', quota, CALL_QUOTA_OPTIONS)
    const { burst, ...rest } = quota
    return new LeakyBucket(
      burst === undefined ? rest : { ...rest, capacity: positive('burst', burst) },
    )
  }

  override shared(share: number): Rule {
    return new LeakyBucket(this.#options, share)
  }
}
