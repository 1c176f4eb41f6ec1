import * as check from '../../core/check.ts'
import { toMillis } from '../../core/duration.ts'
import { OptionTypeError } from '../../core/errors.ts'
import type { Batching } from '../consume/batch-consumer.ts'
import type { FifoOptions } from '../kinds.ts'

/** Reads the batch options; `undefined` where there is no `batchFn`. */
export function toBatching<T, R>(options: FifoOptions<T, R>): Batching | undefined {
  const { batchFn, handler, batchSize = 1, batchTimeout = 1, bisectOnError = false } = options
  check.callback('batchFn', batchFn)
  check.flag('bisectOnError', bisectOnError)
  const size = check.integer('batchSize', batchSize, 1)
  const fill = toMillis('batchTimeout', batchTimeout)
  if (batchFn === undefined) {
    if (size === 1) return undefined
    throw new OptionTypeError('batchFn', 'batchFn is needed for a batchSize above 1, got none')
  }
  if (handler !== undefined) {
    throw new OptionTypeError('batchFn', 'batchFn and handler exclude each other: give one of them')
  }
  return { size, fill, run: batchFn, bisect: bisectOnError }
}
