import { isPlain, known, type OptionTable, positive } from '../../core/check.ts'
import type { CallQuota } from '../../core/rule.ts'

/** What a call may bring beside its key. */
export interface CallOptions {
  /** How much the call takes: a finite number above 0. @default 1 */
  cost?: number
  /**
   * The numbers that hold for this key in this call, instead of the limiter's own: a plan, without a limiter for each. What the
   * key has used stays used when its quota changes. `rate: 0` denies, `rate: Infinity` lets everything through.
   * For token and leaky buckets and windows, and composites in which only one part can take the quota.
   */
  quota?: CallQuota
  /** One of the limiter's `classes`. @default the whole limit */
  class?: string
}

export const CALL_OPTIONS: OptionTable<CallOptions> = { cost: true, quota: true, class: true }

/** The cost of a call; not checked. */
export function costOf(call: number | CallOptions): number {
  if (typeof call === 'number') return call
  // Only an absent cost has a default: null is a mistake.
  const { cost = 1 } = call
  return cost
}

/** @throws OptionTypeError when `call` is no cost and no options, or has an option that does not exist */
export function checkedCall(call: CallOptions): CallOptions {
  // A cost of the wrong type gets its own message.
  if (typeof call !== 'object' || call === null) positive('cost', call as unknown as number)
  let empty = true
  for (const name in call) {
    empty = false
    if (CALL_OPTIONS[name as keyof CallOptions] !== true) known('a call', call, CALL_OPTIONS)
  }
  if (empty && !isPlain(call)) known('a call', call, CALL_OPTIONS)
  return call
}
