import { describe, OptionTypeError } from '../core/errors.ts'
import type { MetricType } from './family.ts'

/** The name in Prometheus, without the ending of its type: letters, digits, `_` and `:`. */
export function exportedName(type: MetricType, name: string): string {
  if (typeof name !== 'string' || name === '') {
    throw new OptionTypeError(
      'name',
      `name must be a string that is not empty, got ${describe(name)}`,
    )
  }
  const mended = name.replace(/[^a-zA-Z0-9_:]/g, '_').replace(/^(?=\d)/, '_')
  return type === 'counter' ? mended.replace(/_total$/, '') : mended
}

/** The names that a metric takes in Prometheus: its own, and those of its samples. */
export function sampleNames(type: MetricType, exported: string): readonly string[] {
  switch (type) {
    case 'counter':
      return [exported, `${exported}_total`]
    case 'gauge':
      return [exported]
    case 'histogram':
      return [exported, `${exported}_bucket`, `${exported}_sum`, `${exported}_count`]
  }
}
