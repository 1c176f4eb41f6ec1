import type { Decision } from '../core/decision.ts'
import type { Counter, Meter } from '../core/meter.ts'

/** Of a limiter that only tells what it would do: counts what it would have denied. */
export class Shadow {
  wouldDeny = 0
  #counter: Counter | undefined

  /** Begins to count for `metrics`. */
  observe(metrics: Meter | undefined, limiter: string): void {
    this.#counter = metrics
      ?.counter('aioflux_limiter_would_deny_total', {
        help: 'Calls that a shadow let through and would have denied.',
      })
      .with({ limiter })
  }

  /** A call that would have been denied is let through. */
  overlook(): void {
    this.wouldDeny += 1
    this.#counter?.inc()
  }

  /** The decision on a call, as a shadow tells it. */
  cast(decision: Decision): Decision {
    if (!decision.allowed) this.overlook()
    return this.foretell(decision)
  }

  /** The same of a call that is not made: nothing is counted. */
  foretell(decision: Decision): Decision {
    const wouldDeny = !decision.allowed
    return { ...decision, allowed: true, retryAfter: 0, shadow: true, wouldDeny }
  }
}
