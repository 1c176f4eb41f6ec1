/** What others know: read when somebody looks, and forgotten with whoever knew it. */
export class Sources {
  readonly #sources = new Set<Source>()

  get size(): number {
    return this.#sources.size
  }

  add<Part extends object>(part: Part, read: (part: Part) => number): Source {
    const source: Source = { part: new WeakRef(part), read: read as Source['read'], last: 0 }
    this.#sources.add(source)
    return source
  }

  /** Lets go of a source, after a last look; returns what it said last. */
  remove(source: Source): number {
    return this.#sources.delete(source) ? look(source) : 0
  }

  /** What all of them say, together; those that are gone say it for the last time to `gone`. */
  sum(gone: (last: number) => void): number {
    let sum = 0
    for (const source of this.#sources) {
      const value = look(source)
      if (source.part.deref() !== undefined) {
        sum += value
      } else {
        this.#sources.delete(source)
        gone(value)
      }
    }
    return sum
  }
}

export interface Source {
  readonly part: WeakRef<object>
  readonly read: (part: object) => number
  last: number
}

function look(source: Source): number {
  const part = source.part.deref()
  if (part === undefined) return source.last
  try {
    source.last = source.read(part)
  } catch (error) {
    console.error('aioflux: a metric could not be read', error)
  }
  return source.last
}
