import { method, text } from '../core/check.ts'
import { checkMeter } from '../core/meter.ts'
import type { LimiterOptions } from './limiter.ts'

/** The options that mean something to every limiter, checked. */
export function checkedOptions(options: LimiterOptions): LimiterOptions {
  const { scope, name, storage, clock, metrics } = options
  if (scope !== undefined) text('scope', scope)
  if (name !== undefined) text('name', name)
  if (storage !== undefined) method('storage', storage, 'open')
  if (clock !== undefined) method('clock', clock, 'now')
  checkMeter(metrics)
  return options
}
