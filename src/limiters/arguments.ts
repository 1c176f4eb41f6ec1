import { positive, string } from '../core/check.ts'
import { CostTooLargeError } from '../core/errors.ts'

/** A key is a string, and a cost a finite number above 0 that can pass at all. */
export function checkCall(key: string, cost: number, capacity: number): void {
  if (typeof key === 'string' && typeof cost === 'number' && cost > 0 && cost <= capacity) return
  checkKey(key)
  positive('cost', cost)
  throw new CostTooLargeError(cost, capacity)
}

export function checkKey(key: string): void {
  string('key', key)
}
