import type { Labels } from '../core/meter.ts'
import type { CounterSeries } from './counter.ts'
import type { GaugeSeries } from './gauge.ts'
import type { HistogramSeries } from './histogram.ts'
import { type Label, labelSet, labelText } from './label-set.ts'

/** The kind of a metric: a counter only rises, a gauge goes up and down, a histogram sorts values into buckets. */
export type MetricType = 'counter' | 'gauge' | 'histogram'
export type Series = CounterSeries | GaugeSeries | HistogramSeries

const OVERFLOW: readonly Label[] = [['overflow', 'true']]

export interface FamilySettings<S> {
  readonly name: string
  /** The name that Prometheus can read, without the ending that the type adds. */
  readonly exported: string
  readonly type: MetricType
  readonly help: string
  readonly maxSeries: number
  readonly make: (labels: readonly Label[], text: string) => S
}

/**
 * A metric and its series, one for each set of labels, at most `maxSeries`. Further series count together in the series
 * `overflow="true"`: a label with the id of a user must not fill the memory, and no count may be lost.
 */
export class MetricFamily<S extends Series = Series> {
  readonly name: string
  readonly exported: string
  readonly type: MetricType
  readonly maxSeries: number
  help: string
  readonly #make: (labels: readonly Label[], text: string) => S
  readonly #series = new Map<string, S>()
  #bare: S | undefined
  #overflow: S | undefined
  /** Finds a series by label objects as they were written, without making a key. */
  #paths = new Path<S>()

  constructor({ name, exported, type, help, maxSeries, make }: FamilySettings<S>) {
    this.name = name
    this.exported = exported
    this.type = type
    this.help = help
    this.maxSeries = maxSeries
    this.#make = make
  }

  /**
   * The series of `labels`, made at the first call. Keep it when you count often: counting then is an addition.
   *
   * @throws OptionTypeError | OptionRangeError for labels that cannot be exported
   */
  with(labels?: Labels): S {
    if (labels === undefined) {
      this.#bare ??= this.#find([], '')
      return this.#bare
    }
    let path: Path<S> | undefined = this.#paths
    for (const name in labels) {
      path = path.to.get(name)?.to.get(labels[name])
      if (path === undefined) break
    }
    return path?.series ?? this.#meet(labels)
  }

  /** Removes the series of `labels`. Later counts in a removed series are lost. @returns true when there was one */
  remove(labels: Labels): boolean {
    const text = labelText(this.#labels(labels))
    this.#paths = new Path()
    this.#bare = undefined
    if (text === this.#overflow?.text) this.#overflow = undefined
    return this.#series.delete(text)
  }

  /** All series, in the order they were made. */
  [Symbol.iterator](): IterableIterator<S> {
    return this.#series.values()
  }

  /** How many series there are. */
  get size(): number {
    return this.#series.size
  }

  reset(): void {
    for (const series of this) series.reset()
  }

  #meet(labels: Labels): S {
    const set = this.#labels(labels)
    const series = this.#find(set, labelText(set))
    // Labels in the overflow are not remembered: there may be any number of them.
    if (series !== this.#overflow) this.#remember(labels, series)
    return series
  }

  #labels(labels: Labels): readonly Label[] {
    return labelSet(labels, this.type === 'histogram' ? 'le' : undefined)
  }

  #find(labels: readonly Label[], text: string): S {
    const known = this.#series.get(text)
    if (known !== undefined) return known
    const own = this.#series.size - (this.#overflow === undefined ? 0 : 1)
    if (own >= this.maxSeries) return this.#tooMany(text)
    const series = this.#make(labels, text)
    this.#series.set(text, series)
    return series
  }

  #tooMany(text: string): S {
    if (this.#overflow === undefined) {
      const name = labelText(OVERFLOW)
      this.#overflow = this.#series.get(name) ?? this.#make(OVERFLOW, name)
      this.#series.set(name, this.#overflow)
      console.warn(
        `aioflux: metric '${this.name}' has ${this.maxSeries} series, the most it may have (maxSeries). From now on new ones, such as {${text}}, count together as {overflow="true"}.`,
      )
    }
    return this.#overflow
  }

  #remember(labels: Labels, series: S): void {
    let path = this.#paths
    for (const name in labels) path = path.step(name).step(labels[name])
    path.series = series
  }
}

class Path<S> {
  readonly to = new Map<unknown, Path<S>>()
  series: S | undefined

  step(by: unknown): Path<S> {
    let next = this.to.get(by)
    if (next === undefined) {
      next = new Path()
      this.to.set(by, next)
    }
    return next
  }
}
