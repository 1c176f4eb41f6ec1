import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { describe, OptionRangeError } from '../core/errors.ts'
import type { Moment } from '../core/lease-clock.ts'

/** The shortest `ttl`, in milliseconds: a shorter lease would be over before the answer is here. */
const SHORTEST: Millis = 10
/** The longest `ttl`: for so long the rule remembers a fence after the lease has ended. */
const LONGEST: Millis = 86_400_000

/** Reads the option `ttl`. */
export function toTerm(ttl: Duration): Millis {
  const millis = toMillis('ttl', ttl)
  if (millis < SHORTEST || millis > LONGEST) {
    throw new OptionRangeError('ttl', `ttl must be from 10 ms to 1 day, got ${describe(ttl)}`)
  }
  return millis
}

/**
 * Until when a lease that was asked for at `asked` is safely held. The storage counts from a later moment, when the request arrived. The
 * margin covers clocks that run at different speed (1 %, 2 ms at least) and a late timer (5 %).
 */
export function safeEnd(asked: Moment, term: Millis): Moment {
  const safe = term - Math.max(0.01 * term, 2) - 0.05 * term
  return { steady: asked.steady + safe, wall: asked.wall + safe }
}

/** How long from `now` until the first of the two clocks has reached `end`; 0 when one has. */
export function timeTo(end: Moment, now: Moment): Millis {
  return Math.max(0, Math.min(end.steady - now.steady, end.wall - now.wall))
}
