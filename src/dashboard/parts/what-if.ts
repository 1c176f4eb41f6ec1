import type { Millis } from '../../core/duration.ts'
import type { QuotaChange, Rule } from '../../core/rule.ts'
import { createLimiter } from '../../limiters/create-limiter.ts'
import type { Limiter, LocalLimiter } from '../../limiters/limiter.ts'
import type { QuotaState, WhatIfState } from '../state.ts'
import { Rate } from './rate.ts'

/** How many keys are told apart. */
const MOST_KEYS = 10_000
/** How many points are kept of what would have been denied: half an hour of them. */
const MOST_POINTS = 360
const SPACING: Millis = 5_000

/**
 * A candidate for a limit, judged in shadow: each call that the limiter decides is put to the candidate too, which refuses nobody.
 *
 * The candidate begins without a past: for about as long as its window it is more generous than it would be.
 */
export class WhatIf {
  readonly quota: QuotaState
  readonly change: QuotaChange
  readonly since: Millis
  readonly #candidate: LocalLimiter
  readonly #stops: (() => void)[]
  #calls = 0
  #agree = 0
  #denied = 0
  #wouldDeny = 0
  #besides = 0
  #stricter = 0
  readonly #keys = new Set<string>()
  readonly #wouldDenyKeys = new Set<string>()
  readonly #deniedRate = new Rate()
  readonly #wouldDenyRate = new Rate()
  readonly #series: [number, number][] = []

  /** @throws OptionTypeError | OptionRangeError where the rule does not take those numbers */
  constructor(limiter: Limiter, rule: Rule, change: QuotaChange, quota: QuotaState, now: Millis) {
    this.change = change
    this.quota = quota
    this.since = now
    this.#candidate = createLimiter(rule.with(change))
    this.#stops = [
      limiter.on('allowed', ({ key, cost }) => this.#judge(key, cost, true)),
      limiter.on('waited', ({ key, cost }) => this.#judge(key, cost, true)),
      limiter.on('denied', ({ key, cost }) => this.#judge(key, cost, false)),
    ]
  }

  state(now: Millis): WhatIfState {
    const denied = this.#deniedRate.push(this.#denied, now) ?? 0
    const wouldDeny = this.#wouldDenyRate.push(this.#wouldDeny, now) ?? 0
    const last = this.#series.at(-1)
    if (now - (last?.[0] ?? this.since) >= SPACING) {
      this.#series.push([now, Math.round(wouldDeny * 100) / 100])
      if (this.#series.length > MOST_POINTS) this.#series.shift()
    }
    const seconds = Math.max(1, (now - this.since) / 1000)
    return {
      quota: this.quota,
      since: this.since,
      calls: this.#calls,
      agree: this.#agree,
      denied,
      wouldDeny,
      keys: this.#keys.size,
      wouldDenyKeys: this.#wouldDenyKeys.size,
      besides: (this.#besides - this.#stricter) / seconds,
      series: [...this.#series],
    }
  }

  stop(): void {
    for (const stop of this.#stops) stop()
  }

  #judge(key: string, cost: number, allowed: boolean): void {
    // A cost that the candidate could never let pass is a denial.
    let would = false
    try {
      would = this.#candidate.allow(key, cost)
    } catch {}
    this.#calls += 1
    if (would === allowed) this.#agree += 1
    else if (would) this.#besides += 1
    else this.#stricter += 1
    if (!allowed) {
      this.#denied += 1
      if (this.#keys.size < MOST_KEYS) this.#keys.add(key)
    }
    if (!would) {
      this.#wouldDeny += 1
      if (this.#wouldDenyKeys.size < MOST_KEYS) this.#wouldDenyKeys.add(key)
    }
  }
}
