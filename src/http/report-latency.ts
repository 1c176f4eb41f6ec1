import { type Clock, systemClock } from '../core/clock.ts'
import type { AdaptivePermits } from '../limiters/adaptive/adaptive-concurrency-options.ts'
import type { Limiter } from '../limiters/limiter.ts'

/** Answers that say that there is too much to do. */
const OVERLOADED: readonly number[] = [429, 503, 504]

/**
 * A function that reports how long a request took, to the limiters that find their limit by latency. Call it with the status when
 * the request has ended. `undefined` when there is no such limiter.
 */
export function latencyReporter(
  limits: readonly { readonly limiter: Limiter }[],
): ((status: number | undefined) => void) | undefined {
  const limiters = limits.map(({ limiter }) => limiter).filter(isMeasured)
  if (limiters.length === 0) return undefined
  const began = limiters.map((limiter) => clockOf(limiter).now())
  return (status) => {
    // How long it would have taken for a client that has left is not known, and failures of another kind may be fast.
    if (status === undefined) return
    for (const [i, limiter] of limiters.entries()) {
      if (OVERLOADED.includes(status)) limiter.reportError()
      else if (status < 500) {
        limiter.reportSuccess((clockOf(limiter).now() - (began[i] as number)) / 1000)
      }
    }
  }
}

function isMeasured(limiter: Limiter): limiter is Limiter & AdaptivePermits {
  return 'currentLimit' in limiter
}

function clockOf({ clock = systemClock }: Limiter): Clock {
  return clock
}
