import { describe, OptionTypeError } from './errors.ts'

/** Where none of these stands in the JSON of a value, nothing of it is lost. */
const TRACES = /null|\{\}|\{"0":/

/** What JSON says by its properties, or as the value that is in the box. */
const SAID: ReadonlySet<string> = new Set(
  ['Object', 'Number', 'String', 'Boolean'].map((kind) => `[object ${kind}]`),
)

/**
 * Refuses what `JSON.stringify` says with another meaning and without a word: `null` for NaN, `{}` for a Map, an object of numbers for bytes.
 *
 * @param name of the option that the value is of
 * @param text the JSON of `value`
 * @throws OptionTypeError naming the part
 */
export function checkLossless(name: string, value: unknown, text: string): void {
  if (!TRACES.test(text)) return
  JSON.stringify(value, (_, part: unknown) => {
    if (isLost(part)) {
      throw new OptionTypeError(
        name,
        `${name} must be JSON in all its parts, got ${describe(part)}`,
      )
    }
    return part
  })
}

function isLost(part: unknown): boolean {
  if (typeof part === 'number') return !Number.isFinite(part)
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return false
  if (ArrayBuffer.isView(part)) return true
  // What the engine keeps elsewhere than in properties: Map, Set, RegExp, Error, Promise and the like.
  const kind = Object.prototype.toString.call(part)
  return !SAID.has(kind) && Object.keys(part).length === 0
}
