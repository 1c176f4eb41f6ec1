import { having, type OptionTable } from './check.ts'

/** The labels of a series. Names are letters, digits and `_`; values become text. */
export type Labels = Readonly<Record<string, string | number | boolean>>

/** Options of a metric. */
export interface MetricOptions {
  /** A sentence that says what the metric counts; Prometheus shows it. */
  help?: string
}

export const METRIC_OPTIONS: OptionTable<MetricOptions> = { help: true }

/** Options of a histogram. */
export interface HistogramOptions extends MetricOptions {
  /** The upper bounds of the buckets, rising. The first call with a name decides. @default from 0.1 ms to a minute, as seconds */
  buckets?: readonly number[]
}

export const HISTOGRAM_OPTIONS: OptionTable<HistogramOptions> = { help: true, buckets: true }

/** A metric with a series for each set of labels. */
export interface Family<Series> {
  /** The series of `labels`: look it up once and keep it. */
  with(labels?: Labels): Series
  /** Removes the series of `labels`, when the part that counted in it has ended. @default the series stays */
  remove?(labels: Labels): unknown
}

/** A value that is read when the metric is read, and costs nothing until then. */
export interface Followed {
  /**
   * Adds `read(part)` to the value, for as long as `part` lives. `part` is held weakly, so `read` must not hold it either.
   *
   * @returns a function that ends this
   */
  follow<Part extends object>(part: Part, read: (part: Part) => number): () => void
}

/** A number that only rises. */
export interface Counter extends Followed {
  inc(by?: number): void
}

/** A number that rises and falls. */
export interface Gauge extends Followed {
  set(value: number): void
}

/** Sorts values into buckets. */
export interface Histogram {
  /** @param times how many equal values this call records. @default 1 */
  observe(value: number, times?: number): void
}

/**
 * The option `metrics` of limiters, queues, breakers and other parts. A part looks its series up once and then only counts. `Metrics` is
 * a meter, and so is any object with these three methods.
 */
export interface Meter {
  counter(name: string, options: MetricOptions): Family<Counter>
  gauge(name: string, options: MetricOptions): Family<Gauge>
  histogram(name: string, options: HistogramOptions): Family<Histogram>
}

/** The option that every part with metrics has. */
export interface Metered {
  /** The meter in which the part counts: `metrics` of this package, a `Metrics`, or any {@link Meter}. @default none: it does not count */
  metrics?: Meter
}

/** @throws OptionTypeError */
export function checkMeter(meter: Meter | undefined): Meter | undefined {
  for (const verb of ['counter', 'gauge', 'histogram'] as const) having('metrics', meter, verb)
  return meter
}
