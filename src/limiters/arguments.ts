import { type Duration, type Micros, toMillis } from '../core/duration.ts'
import { CostTooLargeError, describe, OptionRangeError, OptionTypeError } from '../core/errors.ts'

/** A key is a string, and a cost a finite number above 0 that can pass at all. */
export function checkCall(key: string, cost: number, capacity: number): void {
  if (typeof key === 'string' && typeof cost === 'number' && cost > 0 && cost <= capacity) return
  checkKey(key)
  if (typeof cost !== 'number') {
    throw new OptionTypeError('cost', `cost must be a number, got ${describe(cost)}`)
  }
  if (!(cost > 0 && cost < Infinity)) {
    throw new OptionRangeError('cost', `cost must be a finite number > 0, got ${describe(cost)}`)
  }
  throw new CostTooLargeError(cost, capacity)
}

export function checkKey(key: string): void {
  if (typeof key !== 'string') {
    throw new OptionTypeError('key', `key must be a string, got ${describe(key)}`)
  }
}

export function checkFunction(fn: unknown): void {
  if (typeof fn !== 'function') {
    throw new OptionTypeError('fn', `fn must be a function, got ${describe(fn)}`)
  }
}

/** The length of a block, never 0. */
export function blockMicros(duration: Duration): Micros {
  const millis = toMillis('duration', duration)
  if (millis === 0) {
    throw new OptionRangeError('duration', `duration must be > 0, got ${describe(duration)}`)
  }
  return Math.ceil(millis * 1000)
}
