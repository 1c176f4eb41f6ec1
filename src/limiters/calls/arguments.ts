import { positive, string } from '../../core/check.ts'
import { type Duration, type Micros, toPositiveMicros } from '../../core/duration.ts'
import { CostTooLargeError } from '../../core/errors.ts'
import { FOREVER } from '../../core/rule.ts'

/**
 * A key is a string, and a cost a finite number above 0 that can pass at all.
 *
 * @param shadow of the limiter, where it has one: then any cost passes
 */
export function checkCall(key: string, cost: number, capacity: number, shadow?: object): void {
  if (typeof key === 'string' && typeof cost === 'number' && cost > 0 && cost <= capacity) return
  checkKey(key)
  positive('cost', cost)
  if (shadow === undefined) throw new CostTooLargeError(cost, capacity)
}

export function checkKey(key: string): void {
  string('key', key)
}

/** The length of a block; `Infinity` for one that only `unblock` ends. */
export function blockLength(duration: Duration): Micros {
  return duration === Infinity ? FOREVER : toPositiveMicros('duration', duration)
}
