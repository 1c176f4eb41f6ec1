import type { Millis } from '../../core/duration.ts'
import { messageOf } from '../../core/error-text.ts'
import type { CircuitBreaker } from '../../resilience/circuit-breaker.ts'
import type { BreakerChangeState, BreakerState } from '../state.ts'
import { secondOf } from './moment.ts'
import { Rate } from './rate.ts'

/** A circuit breaker, as the dashboard shows it. */
export class BreakerPart {
  readonly breaker: CircuitBreaker
  readonly #refused = new Rate()
  readonly #failed = new Rate()
  readonly #passed = new Rate()
  #isolation: Disposable | undefined

  constructor(breaker: CircuitBreaker) {
    this.breaker = breaker
  }

  sample(now: Millis, key?: string): BreakerState {
    const { breaker } = this
    const stats = breaker.stats()
    const { state, retryAfter, window, failuresInARow, opened, running } = stats
    const refused = this.#refused.push(stats.refused, now)
    const failing = this.#failed.push(stats.failed, now)
    const passing = this.#passed.push(stats.succeeded + stats.ignored, now)
    return {
      state,
      since: secondOf(now, breaker.stateAge),
      ...(Number.isFinite(retryAfter) && { retryAfter }),
      calls: window.calls,
      failedOf: window.failed,
      inARow: failuresInARow,
      opened,
      running,
      ...(refused !== undefined && { refused }),
      ...(failing !== undefined && { failing }),
      ...(passing !== undefined && { passing }),
      ...(breaker.lastError !== undefined && { error: messageOf(breaker.lastError) }),
      ...(state === 'half_open' && { probes: stats.probes }),
      ...(key !== undefined && { key }),
      changes: breaker.changes().map(
        ({ ago, retryAfter: openFor, ...change }): BreakerChangeState => ({
          at: secondOf(now, ago),
          ...(openFor !== undefined && { openFor }),
          ...change,
        }),
      ),
    }
  }

  isolate(): void {
    this.#isolation ??= this.breaker.isolate()
  }

  /** Closes it, also when other code has isolated it. */
  reset(): void {
    this.#isolation = undefined
    this.breaker.reset()
  }
}
