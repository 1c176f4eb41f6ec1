import type { Family, Labels } from './meter.ts'

/** How many parts count in each series of a family. */
const users = new WeakMap<Family<unknown>, Map<string, number>>()
/** Lets go of the series of parts that nobody holds any more. What it is given must not hold the part. */
const dropped = /* @__PURE__ */ makeRegistry()

/**
 * The series that a part counts in, such as a limiter: forgotten when it ends or is collected, unless another part of the same
 * name still counts there. Otherwise each limiter there ever was would be told for ever.
 */
export class PartSeries {
  readonly #releases: (() => void)[] = []
  readonly #stops: (() => void)[] = []

  constructor(part: object) {
    dropped?.register(part, this.#releases)
  }

  /** The series of `labels`, for as long as the part counts. */
  of<Series>(family: Family<Series>, labels: Labels): Series {
    this.#releases.push(keep(family, labels))
    return family.with(labels)
  }

  /** Calls `stop` when the part ends. */
  until(stop: () => void): void {
    this.#stops.push(stop)
  }

  /** The part counts no more. Idempotent. */
  end(): void {
    for (const stop of this.#stops.splice(0)) stop()
    for (const release of this.#releases.splice(0)) release()
  }
}

function keep(family: Family<unknown>, labels: Labels): () => void {
  const counts = users.get(family) ?? new Map<string, number>()
  users.set(family, counts)
  const name = JSON.stringify(Object.entries(labels))
  counts.set(name, (counts.get(name) ?? 0) + 1)
  return () => {
    const left = (counts.get(name) ?? 1) - 1
    if (left > 0) counts.set(name, left)
    else {
      counts.delete(name)
      family.remove?.(labels)
    }
  }
}

function makeRegistry(): FinalizationRegistry<(() => void)[]> | undefined {
  // Some runtimes at the edge collect nothing that anybody could be told of.
  if (typeof FinalizationRegistry === 'undefined') return undefined
  return new FinalizationRegistry((releases) => {
    for (const release of releases.splice(0)) release()
  })
}
