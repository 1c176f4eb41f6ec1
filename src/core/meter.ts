import { having, type OptionTable } from './check.ts'

/** The labels of a series. Names are letters, digits and `_`; values become text. */
export type Labels = Readonly<Record<string, string | number | boolean>>

/** What a metric is about. */
export interface MetricOptions {
  /** What it counts, in a sentence. */
  help?: string
}

export const METRIC_OPTIONS: OptionTable<MetricOptions> = { help: true }

/** What a histogram measures, and into which buckets it sorts. */
export interface HistogramOptions extends MetricOptions {
  /** The upper bounds of the buckets, rising. @default from 0.1 ms to a minute, as seconds */
  buckets?: readonly number[]
}

export const HISTOGRAM_OPTIONS: OptionTable<HistogramOptions> = { help: true, buckets: true }

/** A metric, of which each set of labels is a series. */
export interface Family<Series> {
  /** The series of `labels`: look it up once and keep it. */
  with(labels?: Labels): Series
  /** Forgets the series of `labels`: the part that counted there is gone. @default it stays */
  remove?(labels: Labels): unknown
}

/** A value that is read when the metric is read, and costs nothing until then. */
export interface Followed {
  /**
   * Adds what `read` says of `part` to the value, for as long as `part` lives: it is held weakly, so `read` must not
   * hold it either. Returns the way to stop.
   */
  follow<Part extends object>(part: Part, read: (part: Part) => number): () => void
}

/** Only goes up. */
export interface Counter extends Followed {
  inc(by?: number): void
}

/** Goes up and down. */
export interface Gauge extends Followed {
  set(value: number): void
}

/** How values are spread. */
export interface Histogram {
  /** @param times how many equal values this call records. @default 1 */
  observe(value: number, times?: number): void
}

/**
 * Counts what parts do: limiters, queues, breakers and the other parts take a meter as the option `metrics`, look up their
 * series once and then only count. `Metrics` is a meter; so is any object with these three methods.
 */
export interface Meter {
  counter(name: string, options: MetricOptions): Family<Counter>
  gauge(name: string, options: MetricOptions): Family<Gauge>
  histogram(name: string, options: HistogramOptions): Family<Histogram>
}

/** What every part that can be watched takes. */
export interface Metered {
  /** Where it counts what it does: `metrics` of this package, a `Metrics`, or any {@link Meter}. @default nowhere */
  metrics?: Meter
}

/** @throws OptionTypeError */
export function checkMeter(meter: Meter | undefined): Meter | undefined {
  for (const verb of ['counter', 'gauge', 'histogram'] as const) having('metrics', meter, verb)
  return meter
}
