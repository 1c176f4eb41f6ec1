import { oneOf } from '../core/check.ts'
import { toMillis } from '../core/duration.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { checkMeter } from '../core/meter.ts'
import type { Ledger, RemoteLedger } from '../core/storage.ts'
import type { LimiterOptions } from './limiter.ts'

export const DEFAULT_SCOPE = 'default'

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

/** Does this ledger answer at once? */
export function isLocal(ledger: Ledger | RemoteLedger): ledger is Ledger {
  return 'reserve' in ledger
}

function checkText(option: string, value: string | undefined): void {
  if (value !== undefined && typeof value !== 'string') {
    throw new OptionTypeError(option, `${option} must be a string, got ${describe(value)}`)
  }
}
