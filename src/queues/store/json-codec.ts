import { describe, OptionTypeError } from '../../core/errors.ts'
import { checkLossless } from '../../core/lossless-json.ts'
import type { Codec } from '../queue-options.ts'

/**
 * Items as JSON, as `JSON.stringify` writes them. An item that is a `Uint8Array` stays one.
 *
 * Refuses an item that is `undefined`, a function or a symbol, and one that holds NaN, an infinite number, a Map, a Set, an Error, bytes
 * or the like, because JSON would lose them silently.
 */
export const jsonCodec: Codec = {
  name: 'json',
  encode(item) {
    if (item instanceof Uint8Array) return item
    const text: string | undefined = JSON.stringify(item)
    if (text === undefined) {
      throw new OptionTypeError('item', `item must be a JSON value, got ${describe(item)}`)
    }
    checkLossless('item', item, text)
    return text
  },
  decode: (data) => (typeof data === 'string' ? JSON.parse(data) : data),
}
