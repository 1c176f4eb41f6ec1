import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { describe, OptionRangeError } from '../core/errors.ts'
import type { Moment } from '../core/lease-clock.ts'

/** Shorter ones would be over before they are known of. */
const SHORTEST: Millis = 10
/** What the rule remembers. */
const LONGEST: Millis = 86_400_000

/** Reads a time to live. */
export function toTerm(ttl: Duration): Millis {
  const millis = toMillis('ttl', ttl)
  if (millis < SHORTEST || millis > LONGEST) {
    throw new OptionRangeError('ttl', `ttl must be from 10 ms to 1 day, got ${describe(ttl)}`)
  }
  return millis
}

/**
 * Until when a lease is safely held that was asked for at `asked`. The storage counts from a later moment, when it was
 * reached; and the margin covers what our clocks differ by in pace (1 %, 2 ms at least) and a late timer (5 %).
 */
export function safeEnd(asked: Moment, term: Millis): Moment {
  const safe = term - Math.max(0.01 * term, 2) - 0.05 * term
  return { steady: asked.steady + safe, wall: asked.wall + safe }
}

/** How long from `now` until the first of the two clocks has reached `end`; 0 when one has. */
export function timeTo(end: Moment, now: Moment): Millis {
  return Math.max(0, Math.min(end.steady - now.steady, end.wall - now.wall))
}
