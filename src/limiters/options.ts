import { oneOf } from '../core/check.ts'
import { toMillis } from '../core/duration.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { checkMeter } from '../core/meter.ts'
import type { Rule } from '../core/rule.ts'
import type { LimiterOptions } from './limiter.ts'

/**
 * The scope a limiter keeps its counts under. Without one of its own, limiters of different quotas keep theirs apart, also in
 * storages that tell rules apart by their kind alone.
 */
export function scopeOf({ scope }: LimiterOptions, rule: Rule): string {
  if (scope !== undefined) return scope
  let hash = 0x811c9dc5
  for (const character of Object.values(rule.params).join(' ')) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
  }
  return `default-${(hash >>> 0).toString(36)}`
}

/** The options every limiter has, checked. */
export function checkedOptions(options: LimiterOptions): LimiterOptions {
  const { scope, name, storage, clock, onStorageError, storageTimeout, metrics } = options
  checkText('scope', scope)
  checkText('name', name)
  checkMeter(metrics)
  if (storage !== undefined && typeof storage?.open !== 'function') {
    throw new OptionTypeError('storage', `storage must be a storage, got ${describe(storage)}`)
  }
  if (clock !== undefined && typeof clock?.now !== 'function') {
    throw new OptionTypeError('clock', `clock must have a method now(), got ${describe(clock)}`)
  }
  if (onStorageError !== undefined) {
    oneOf('onStorageError', onStorageError, ['deny', 'allow', 'local', 'throw'])
  }
  // Here too, so that a limit that has no need of it yet is told before it moves to Redis.
  if (storageTimeout !== undefined) toMillis('storageTimeout', storageTimeout)
  return options
}

function checkText(option: string, value: string | undefined): void {
  if (value !== undefined && typeof value !== 'string') {
    throw new OptionTypeError(option, `${option} must be a string, got ${describe(value)}`)
  }
}
