import type { MetricFamily, Series } from './family.ts'
import type { HistogramStats } from './histogram.ts'

/** How many reports a trend goes back. */
export const TREND = 20

/** One series in a report: its value now, and its change since the report before. */
export interface Reading {
  readonly labels: Series['labels']
  readonly value: number
  /** Per second, since the report before; 0 in the first one. */
  readonly rate: number
  /** The chart: rates of counters, values of gauges, p95 of histograms; the latest last. */
  readonly trend: readonly number[]
  readonly stats: HistogramStats | undefined
}

interface Past {
  value: number
  readonly trend: number[]
}

/** Remembers what every series was at the last looks. */
export class Trends {
  #past = new Map<Series, Past>()
  #next = new Map<Series, Past>()

  /** Begins a report. A series that is not read in one report is forgotten in the next. */
  begin(): void {
    this.#past = this.#next
    this.#next = new Map()
  }

  /** @param seconds since the report before; 0 in the first one */
  read(family: MetricFamily, series: Series, seconds: number): Reading | undefined {
    const histogram = series.type === 'histogram' ? series : undefined
    const value = series.type === 'histogram' ? series.count : series.value
    if (value === undefined) return undefined
    const past = this.#past.get(series) ?? { value: seconds > 0 ? 0 : value, trend: [] }
    // A value that has fallen was reset, and counts from 0.
    const gained = value >= past.value ? value - past.value : value
    const rate = seconds > 0 ? gained / seconds : 0
    const stats = histogram?.stats()
    const drawn = family.type === 'gauge' ? value : (stats?.p95 ?? rate)
    const trend = [...past.trend, drawn].slice(-TREND)
    this.#next.set(series, { value, trend })
    return { labels: series.labels, value, rate, trend, stats }
  }
}
