import type {
  Counter,
  Family,
  Followed,
  Gauge,
  Histogram,
  HistogramOptions,
  Labels,
  Meter,
  MetricOptions,
} from './meter.ts'

/** How many parts count in each series of a family. */
const users = new WeakMap<Family<unknown>, Map<string, number>>()
/** Ends the series of parts that were collected as garbage. Its argument must not hold the part. */
const dropped = /* @__PURE__ */ makeRegistry()

/**
 * The series in which a part counts, such as a limiter. They are removed when the part ends or is collected, unless another part of the
 * same name still counts in them. Without this, the series of each limiter that ever existed would stay for ever.
 *
 * It is a meter itself, for the series that end with the part.
 */
export class PartSeries implements Meter {
  readonly #metrics: Meter
  readonly #releases: (() => void)[] = []
  readonly #stops: (() => void)[] = []
  /** The series of this part, by family and labels. */
  readonly #series = new Map<Family<unknown>, Map<string, unknown>>()
  #ended = false

  constructor(metrics: Meter, part: object) {
    this.#metrics = metrics
    dropped?.register(part, this.#releases)
  }

  counter(name: string, options: MetricOptions): Family<Counter> {
    return this.#own(this.#metrics.counter(name, options))
  }

  gauge(name: string, options: MetricOptions): Family<Gauge> {
    return this.#own(this.#metrics.gauge(name, options))
  }

  histogram(name: string, options: HistogramOptions): Family<Histogram> {
    return this.#own(this.#metrics.histogram(name, options))
  }

  /** Follows `read(known)` until the part ends. */
  follow<Known extends object>(
    series: Followed,
    known: Known,
    read: (known: Known) => number,
  ): void {
    this.#stops.push(series.follow(known, read))
  }

  /** Follows nothing of the part any more; its counts stay. May be called twice. */
  still(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  /** Removes the series of the part. May be called twice. */
  end(): void {
    this.#ended = true
    this.still()
    for (const release of this.#releases.splice(0)) release()
  }

  #own<Series>(family: Family<Series>): Family<Series> {
    return { with: (labels = {}) => this.#of(family, labels) }
  }

  #of<Series>(family: Family<Series>, labels: Labels): Series {
    const known = this.#series.get(family) ?? new Map<string, unknown>()
    this.#series.set(family, known)
    const name = JSON.stringify(Object.entries(labels))
    let series = known.get(name) as Series | undefined
    if (series === undefined) {
      series = family.with(labels)
      known.set(name, series)
      const release = keep(family, labels, name)
      // Counts after the end are dropped.
      if (this.#ended) release()
      else this.#releases.push(release)
    }
    return series
  }
}

function keep(family: Family<unknown>, labels: Labels, name: string): () => void {
  const counts = users.get(family) ?? new Map<string, number>()
  users.set(family, counts)
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
  // Some edge runtimes do not tell when an object was collected.
  if (typeof FinalizationRegistry === 'undefined') return undefined
  return new FinalizationRegistry((releases) => {
    for (const release of releases.splice(0)) release()
  })
}
