import { flag, having, string } from '../core/check.ts'
import { checkMeter } from '../core/meter.ts'
import type { LimiterOptions } from './limiter.ts'
import { checkOutage } from './remote/outage.ts'

/** The options that mean something to every limiter, checked. */
export function checkedOptions(options: LimiterOptions): LimiterOptions {
  const { scope, name, storage, clock, metrics } = options
  if (scope !== undefined) string('scope', scope)
  if (name !== undefined) string('name', name)
  if (options.shadow !== undefined) flag('shadow', options.shadow)
  having('storage', storage, 'open')
  having('clock', clock, 'now')
  checkMeter(metrics)
  // In memory too, so that a limit is told before it moves to Redis.
  checkOutage(options)
  return options
}
