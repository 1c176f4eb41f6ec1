import type { Millis } from '../../core/duration.ts'
import { OptionTypeError, quoted } from '../../core/errors.ts'
import type { QuotaChange } from '../../core/rule.ts'
import type { Limiter, LimiterStats } from '../../limiters/limiter.ts'
import type { LimiterState, TopKeys } from '../state.ts'
import { DeniedKeys } from './denied-keys.ts'
import { adapts, isRemote, kindOf, quotaOf, ruleOf } from './quota.ts'
import { Rate } from './rate.ts'
import { WhatIf } from './what-if.ts'

/** How many keys are shown. */
const SHOWN = 20
/** A trial ends when no page was open for this time, because it costs something at every call. */
const TRIAL_ENDS: Millis = 300_000
/** How many blocks are remembered. */
const MOST_BLOCKS = 1000

const UNKNOWN = { waiting: 0, keys: 0, limit: 0 }

/** A limiter, as the dashboard shows it. */
export class LimiterPart {
  readonly limiter: Limiter
  readonly #allowed = new Rate()
  readonly #denied = new Rate()
  readonly #wouldDeny = new Rate()
  #keys: DeniedKeys | undefined
  #trial: WhatIf | undefined
  #stops: (() => void)[] = []
  #failure: string | undefined
  #last: LimiterState | undefined
  /** When a page was open last. */
  #looked: Millis = 0
  /** Keys that were blocked on this page, and until when. */
  readonly #blocks = new Map<string, { until: Millis; by?: string }>()

  constructor(limiter: Limiter) {
    this.limiter = limiter
  }

  /** Counts denied keys from now on. Without this there is no listener, and calls cost nothing more. */
  watch(now: Millis): void {
    if (this.#stops.length > 0) return
    const keys = new DeniedKeys(now)
    this.#keys = keys
    this.#stops = [
      this.limiter.on('denied', ({ key, retryAfter }) => keys.add(key, retryAfter, Date.now())),
      this.limiter.on('storageError', ({ error }) => {
        this.#failure = error.message
      }),
      this.limiter.on('recovered', () => {
        this.#failure = undefined
      }),
    ]
  }

  unwatch(): void {
    for (const stop of this.#stops) stop()
    this.#stops = []
    this.#keys = undefined
    this.#failure = undefined
  }

  close(): void {
    this.unwatch()
    this.tryOut(undefined, 0)
  }

  async sample(now: Millis, watched: boolean): Promise<LimiterState> {
    if (watched) this.#looked = now
    else if (this.#trial !== undefined && now - this.#looked > TRIAL_ENDS)
      this.tryOut(undefined, now)
    const { limiter } = this
    this.#keys?.tick(now)
    let stats: LimiterStats
    try {
      stats = await limiter.getStats()
    } catch (error) {
      // Its storage cannot be reached now.
      const before = this.#last ?? { ...UNKNOWN, rule: kindOf(limiter), remote: isRemote(limiter) }
      return { ...before, failure: (error as Error).message }
    }
    const quota = quotaOf(limiter)
    const allowed = this.#allowed.push(stats.allowed, now)
    const denied = this.#denied.push(stats.denied, now)
    const wouldDeny =
      stats.wouldDeny === undefined ? undefined : (this.#wouldDeny.push(stats.wouldDeny, now) ?? 0)
    const top = this.#top(now)
    this.#last = {
      rule: kindOf(limiter),
      ...(quota !== undefined && { quota }),
      ...(adapts(limiter) && { adapts: true }),
      remote: isRemote(limiter),
      ...(allowed !== undefined && { allowed }),
      ...(denied !== undefined && { denied }),
      ...(wouldDeny !== undefined && { wouldDeny }),
      waiting: stats.waiting,
      keys: stats.keys,
      limit: stats.limit,
      ...(top !== undefined && { top }),
      ...(this.#trial !== undefined && { whatIf: this.#trial.state(now) }),
      ...(this.#failure !== undefined && { failure: this.#failure }),
    }
    return this.#last
  }

  /** Begins a trial of other numbers, or ends the present trial. */
  tryOut(change: QuotaChange | undefined, now: Millis): void {
    const before = this.#trial
    this.#trial = change && this.#trialOf(change, now)
    // The operator who begins it has a page open.
    this.#looked = now
    before?.stop()
  }

  get trial(): WhatIf | undefined {
    return this.#trial
  }

  blocked(key: string, until: Millis, by: string | undefined): void {
    this.#blocks.delete(key)
    this.#blocks.set(key, { until, ...(by !== undefined && { by }) })
    for (const [oldest] of this.#blocks) {
      if (this.#blocks.size <= MOST_BLOCKS) break
      this.#blocks.delete(oldest)
    }
  }

  unblocked(key: string): void {
    this.#blocks.delete(key)
  }

  /** The end of a block that was set on this page, and its user; `undefined` without one, and when it is over. */
  blockOf(key: string, now: Millis): { until: Millis; by?: string } | undefined {
    const block = this.#blocks.get(key)
    return block !== undefined && block.until > now ? block : undefined
  }

  /** The denials of a key, with its history: the end of each span, and denials per second. */
  deniedOf(
    key: string,
  ): { rate: number; since: Millis; past: (readonly [Millis, number])[] } | undefined {
    const keys = this.#keys
    const found = keys?.find(key)
    if (keys === undefined || found === undefined) return undefined
    const { rate, first: since, past } = found
    const { pastUntil, pastSpacing } = keys
    const at = (i: number) => pastUntil - (past.length - 1 - i) * pastSpacing
    return { rate, since, past: past.map((value, i) => [at(i), value] as const) }
  }

  #trialOf(change: QuotaChange, now: Millis): WhatIf {
    const rule = ruleOf(this.limiter)
    if (rule === undefined || rule.held || adapts(this.limiter)) {
      throw new OptionTypeError(
        'quota',
        `quota of ${quoted(this.limiter.name)} cannot be tried: what if is for limiters with one rate, and not for composites, concurrency or adaptive limiters`,
      )
    }
    return new WhatIf(
      this.limiter,
      rule,
      change,
      { ...quotaOf(this.limiter), ...plain(change) },
      now,
    )
  }

  #top(now: Millis): TopKeys | undefined {
    const keys = this.#keys
    if (keys === undefined) return undefined
    const list = keys.top(SHOWN).map(({ key, rate, retryAfter, last, first }) => {
      const blocked = this.blockOf(key, now)
      const left = blocked ? (blocked.until - now) / 1000 : retryAfter - (now - last) / 1000
      return {
        key,
        rate,
        retryAfter: Math.max(0, left),
        since: first,
        ...(blocked !== undefined && { blocked }),
      }
    })
    const shown = list.reduce((sum, { rate }) => sum + rate, 0)
    return {
      since: keys.since,
      keys: keys.keys,
      more: keys.more,
      error: keys.error,
      list,
      others: Math.max(0, keys.rate - shown),
    }
  }
}

function plain(change: QuotaChange): Record<string, number> {
  const { per, ...rest } = change
  // The page sends seconds.
  return { ...(rest as Record<string, number>), ...(typeof per === 'number' && { per }) }
}
