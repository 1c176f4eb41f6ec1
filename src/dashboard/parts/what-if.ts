import type { Millis } from '../../core/duration.ts'
import type { QuotaChange, Rule } from '../../core/rule.ts'
import type { Comparison } from '../../limiters/comparison.ts'
import { createLimiter } from '../../limiters/create-limiter.ts'
import type { Limiter } from '../../limiters/limiter.ts'
import type { QuotaState, WhatIfState } from '../state.ts'
import { Rate } from './rate.ts'

/** How many keys are counted. */
const MOST_KEYS = 10_000
/** How many points of the denials by the candidate are kept: half an hour. */
const MOST_POINTS = 360
const SPACING: Millis = 5_000

/**
 * A candidate for a limit, in shadow: it is asked about each call that the limiter decides, and denies none.
 *
 * The candidate begins empty, so for about one window it lets more calls through than it would later.
 */
export class WhatIf {
  readonly quota: QuotaState
  readonly change: QuotaChange
  readonly since: Millis
  readonly #comparison: Comparison
  readonly #stops: (() => void)[]
  #denied = 0
  #wouldDeny = 0
  readonly #keys = new Set<string>()
  readonly #wouldDenyKeys = new Set<string>()
  readonly #deniedRate = new Rate()
  readonly #wouldDenyRate = new Rate()
  readonly #series: [number, number][] = []

  /** @throws OptionTypeError | OptionRangeError when the rule does not take the numbers */
  constructor(limiter: Limiter, rule: Rule, change: QuotaChange, quota: QuotaState, now: Millis) {
    this.change = change
    this.quota = quota
    this.since = now
    const candidate = createLimiter(rule.with(change))
    this.#comparison = limiter.compare(candidate)
    this.#stops = [
      limiter.on('denied', ({ key }) => {
        this.#denied += 1
        note(this.#keys, key)
      }),
      candidate.on('denied', ({ key }) => {
        this.#wouldDeny += 1
        note(this.#wouldDenyKeys, key)
      }),
    ]
  }

  state(now: Millis): WhatIfState {
    const denied = this.#deniedRate.push(this.#denied, now) ?? 0
    const { agree, stricter, looser, failed } = this.#comparison
    // A cost above the capacity of the candidate fails, which is a denial too.
    const wouldDeny = this.#wouldDenyRate.push(this.#wouldDeny + failed, now) ?? 0
    const last = this.#series.at(-1)
    if (now - (last?.[0] ?? this.since) >= SPACING) {
      this.#series.push([now, Math.round(wouldDeny * 100) / 100])
      if (this.#series.length > MOST_POINTS) this.#series.shift()
    }
    const seconds = Math.max(1, (now - this.since) / 1000)
    return {
      quota: this.quota,
      since: this.since,
      calls: agree + stricter + looser + failed,
      agree,
      denied,
      wouldDeny,
      keys: this.#keys.size,
      wouldDenyKeys: this.#wouldDenyKeys.size,
      besides: (looser - stricter - failed) / seconds,
      series: [...this.#series],
    }
  }

  stop(): void {
    this.#comparison.end()
    for (const stop of this.#stops) stop()
  }
}

function note(keys: Set<string>, key: string): void {
  if (keys.size < MOST_KEYS) keys.add(key)
}
