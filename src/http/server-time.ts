import type { Millis } from '../core/duration.ts'
import { parseHttpDate } from './http-date.ts'

/**
 * Numbers from the first one on are moments since 1970, in the unit of the highest bound they reach: as seconds, 2001 to 5138; as milli-,
 * micro- and nanoseconds, 1973 to 5138. No client waits for 30 years, so a smaller number is a length of time in seconds.
 */
const MOMENTS: readonly (readonly [from: number, perSecond: number])[] = [
  [1e17, 1e9],
  [1e14, 1e6],
  [1e11, 1e3],
  [1e9, 1],
]
/** No moment is as far away as that: a number beyond says nothing. */
const TOO_LARGE = 1e20

const NUMBER = /^\d{1,30}(?:\.\d{0,30})?$/

/**
 * In how many seconds a server means, by a number of seconds, a moment since 1970 in any of four units, or a date. Fractions count; a moment
 * that has passed is 0.
 *
 * @param sent when the server said so, by its own clock
 * @returns `undefined` where it cannot be read
 */
export function secondsUntil(text: string, sent: Millis): number | undefined {
  const plain = text.trim()
  if (NUMBER.test(plain)) return secondsOf(Number(plain), sent)
  const date = parseHttpDate(plain, sent)
  return date === undefined ? undefined : Math.max(0, (date - sent) / 1000)
}

/** As {@link secondsUntil}, of a number. */
export function secondsOf(value: number, sent: Millis): number | undefined {
  if (!(value >= 0 && value < TOO_LARGE)) return undefined
  const moment = MOMENTS.find(([from]) => value >= from)
  return moment === undefined ? value : Math.max(0, value / moment[1] - sent / 1000)
}
