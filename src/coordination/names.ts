import { text } from '../core/check.ts'
import { OptionRangeError } from '../core/errors.ts'

/** More names than that in one lock are a mistake. */
const MOST_NAMES = 32

/**
 * Each name once, and always in the same order, so that no two callers wait for each other. An empty name is refused: callers that left
 * it empty by mistake would share one lock.
 */
export function readNames(names: string | readonly string[]): readonly string[] {
  if (!Array.isArray(names)) return [text('name', names as string)]
  const each = [...new Set(names.map((name) => text('names', name)))].sort()
  if (each.length === 0 || each.length > MOST_NAMES) {
    throw new OptionRangeError(
      'names',
      `names must be 1 to ${MOST_NAMES} different names, got ${each.length}`,
    )
  }
  return each
}
