import { describe, OptionRangeError, OptionTypeError } from '../core/errors.ts'

/** More names than that in one lock are a mistake. */
const MOST_NAMES = 32

/** Each name once, and always in the same order, so that no two wait for each other. */
export function readNames(names: string | readonly string[]): readonly string[] {
  if (!Array.isArray(names)) return [checkName('name', names as string)]
  const each = [...new Set(names.map((name) => checkName('names', name)))].sort()
  if (each.length === 0 || each.length > MOST_NAMES) {
    throw new OptionRangeError(
      'names',
      `names must be 1 to ${MOST_NAMES} different names, got ${each.length}`,
    )
  }
  return each
}

export function checkName(option: string, name: string): string {
  if (typeof name === 'string') return name
  throw new OptionTypeError(option, `${option} must be a string, got ${describe(name)}`)
}
