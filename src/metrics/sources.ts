import { callable, must, mustLie } from '../core/check.ts'
import { complain } from '../core/error-text.ts'

/** Values of parts, read when the metric is read. A part that is collected as garbage is forgotten. A part that is followed twice counts once. */
export class Sources {
  readonly #sources = new Map<WeakRef<object>, Source>()
  readonly #known = new WeakMap<object, Source>()
  readonly #fits: (value: number) => boolean

  /** @param fits true for the numbers that the metric can show; for other values the last right one is kept */
  constructor(fits: (value: number) => boolean) {
    this.#fits = fits
  }

  get size(): number {
    return this.#sources.size
  }

  /** @returns a function that ends the following; it returns the last value when this was the last follower of the part, else 0 */
  add<Part extends object>(part: Part, read: (part: Part) => number): () => number {
    must(typeof part === 'object' && part !== null, 'part', 'be an object', part)
    callable('read', read)
    let source = this.#known.get(part)
    if (source === undefined) {
      source = { part: new WeakRef(part), read: read as Source['read'], followers: 0, last: 0 }
      this.#known.set(part, source)
      this.#sources.set(source.part, source)
    }
    source.followers += 1
    const own = source
    let left = false
    return () => {
      if (left) return 0
      left = true
      own.followers -= 1
      if (own.followers > 0) return 0
      this.#known.delete(own.part.deref() ?? own)
      return this.#sources.delete(own.part) ? this.#look(own) : 0
    }
  }

  /** The sum of all values. Calls `gone` with the last value of each part that was collected. */
  sum(gone: (last: number) => void): number {
    let sum = 0
    for (const source of this.#sources.values()) {
      const value = this.#look(source)
      if (source.part.deref() !== undefined) {
        sum += value
      } else {
        this.#sources.delete(source.part)
        gone(value)
      }
    }
    return sum
  }

  #look(source: Source): number {
    const part = source.part.deref()
    if (part === undefined) return source.last
    try {
      const value = source.read(part)
      must(typeof value === 'number', 'read', 'return a number', value)
      mustLie(
        this.#fits(value),
        'read',
        'return a finite number (for a gauge also Infinity)',
        value,
      )
      source.last = value
    } catch (error) {
      complain('aioflux: a metric could not be read', error)
    }
    return source.last
  }
}

interface Source {
  readonly part: WeakRef<object>
  readonly read: (part: object) => number
  followers: number
  last: number
}
