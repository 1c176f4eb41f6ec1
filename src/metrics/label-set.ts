import { describe, OptionRangeError, OptionTypeError } from '../core/errors.ts'
import type { Labels } from '../core/meter.ts'

export type Label = readonly [name: string, value: string]

/** Labels as they are exported: sorted by name, so that their order makes no difference. */
export function labelSet(labels: Labels, reserved: string | undefined): readonly Label[] {
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) {
    throw new OptionTypeError('labels', `labels must be an object, got ${describe(labels)}`)
  }
  return Object.keys(labels)
    .sort()
    .map((name): Label => {
      // A wrong name is refused and not changed: two changed names could become equal, and two series would become one.
      if (!/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || name === reserved) {
        throw new OptionRangeError(
          'labels',
          `labels must be named by letters, digits and _, and not ${reserved ?? 'begin with __'}; got '${name}'`,
        )
      }
      const value = labels[name]
      if (!['string', 'number', 'boolean'].includes(typeof value)) {
        throw new OptionTypeError(
          'labels',
          `labels.${name} must be a string, number or boolean, got ${describe(value)}`,
        )
      }
      return [name, String(value)]
    })
}

/**
 * The labels as text between braces. It is also the key of a series: different labels have different texts, because names have no
 * quotes and quotes in values are escaped.
 */
export function labelText(labels: readonly Label[]): string {
  return labels.map(([name, value]) => `${name}="${escaped(value)}"`).join(',')
}

function escaped(value: string): string {
  return /[\\"\n]/.test(value)
    ? value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))
    : value
}
