import { oneOf } from '../core/check.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import type { LimiterOptions } from './limiter.ts'

export const DEFAULT_SCOPE = 'default'

/** The options every limiter has, checked. */
export function checkedOptions(options: LimiterOptions): LimiterOptions {
  const { scope, name, storage, clock, onStorageError } = options
  checkText('scope', scope)
  checkText('name', name)
  if (storage !== undefined && typeof storage?.open !== 'function') {
    throw new OptionTypeError('storage', `storage must be a storage, got ${describe(storage)}`)
  }
  if (clock !== undefined && typeof clock?.now !== 'function') {
    throw new OptionTypeError('clock', `clock must have a method now(), got ${describe(clock)}`)
  }
  if (onStorageError !== undefined) {
    oneOf('onStorageError', onStorageError, ['deny', 'allow', 'local', 'throw'])
  }
  return options
}

function checkText(option: string, value: string | undefined): void {
  if (value !== undefined && typeof value !== 'string') {
    throw new OptionTypeError(option, `${option} must be a string, got ${describe(value)}`)
  }
}
