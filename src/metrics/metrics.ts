import {
  callable,
  finite,
  having,
  integer,
  known,
  must,
  type OptionTable,
  string,
} from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import { OptionRangeError, OptionTypeError } from '../core/errors.ts'
import {
  HISTOGRAM_OPTIONS,
  type HistogramOptions,
  type Labels,
  METRIC_OPTIONS,
  type Meter,
  type MetricOptions,
} from '../core/meter.ts'
import { CounterSeries } from './counter.ts'
import { type FamilySettings, MetricFamily, type MetricType, type Series } from './family.ts'
import { GaugeSeries } from './gauge.ts'
import { checkBuckets, DEFAULT_BUCKETS, HistogramSeries, type HistogramStats } from './histogram.ts'
import { exportedName, sampleNames } from './metric-name.ts'
import { Timer } from './timer.ts'

/** Options of {@link Metrics}. */
export interface MetricsOptions {
  /** The most series a metric may have; further series count together as `overflow="true"`. @default 2000 */
  maxSeries?: number
  /** The upper bounds of the buckets of histograms without buckets of their own. @default 0.0001 to 60 */
  buckets?: readonly number[]
  /** The clock of timers. @default the runtime's monotonic clock */
  clock?: Clock
}

export const METRICS_OPTIONS: OptionTable<MetricsOptions> = {
  maxSeries: true,
  buckets: true,
  clock: true,
}

/** The values by name; series with labels as `name{label="value"}`. Series without a value are left out. */
export interface Stats {
  counters: Record<string, number>
  gauges: Record<string, number>
  histograms: Record<string, HistogramStats>
}

/**
 * Counters, gauges and histograms, with labels. Everything is synchronous.
 *
 * @example
 * const requests = metrics.counter('http_requests_total', { help: 'Requests served.' })
 * const gets = requests.with({ method: 'GET' })     // once
 * gets.inc()                                        // an addition
 *
 * @example
 * metrics.incr('jobs_done')                         // the same by name, a look-up each time
 * metrics.gauge('queue_length', 17, { queue: 'mail' })
 * metrics.timing('render_seconds', 0.012)
 * {
 *   using timer = metrics.timer('render_seconds')   // until the end of the block
 *   render()
 * }
 */
export class Metrics implements Meter {
  readonly #families = new Map<string, MetricFamily>()
  /** The metric that exports a sample, by the name of the sample. */
  readonly #samples = new Map<string, string>()
  readonly #newcomers = new Set<(family: MetricFamily) => void>()
  readonly #maxSeries: number
  readonly #buckets: readonly number[]
  readonly #clock: Clock | undefined

  /** @throws OptionTypeError | OptionRangeError naming the option and its value */
  constructor(options: MetricsOptions = {}) {
    known('Metrics', options, METRICS_OPTIONS)
    const { maxSeries = 2000, buckets = DEFAULT_BUCKETS, clock } = options
    this.#maxSeries = integer('maxSeries', maxSeries, 1)
    this.#buckets = checkBuckets(buckets)
    this.#clock = having('clock', clock, 'now')
  }

  /**
   * The counter `name`, made at the first call. In Prometheus its name ends in `_total`.
   *
   * @throws OptionTypeError when `name` is a metric of another kind
   */
  counter(name: string, options?: MetricOptions): MetricFamily<CounterSeries> {
    if (options !== undefined) known('metrics.counter', options, METRIC_OPTIONS)
    return this.#family('counter', name, options, newCounter)
  }

  /** The gauge `name`. */
  gauge(name: string, options?: MetricOptions): MetricFamily<GaugeSeries>
  /** Sets a gauge. */
  gauge(name: string, value: number, labels?: Labels): void
  gauge(
    name: string,
    given?: number | MetricOptions,
    labels?: Labels,
  ): MetricFamily<GaugeSeries> | void {
    if (typeof given !== 'number') {
      if (given !== undefined) {
        must(typeof given === 'object', 'value', 'be a number, or an object of options', given)
        known('metrics.gauge', given, METRIC_OPTIONS)
      }
      return this.#family('gauge', name, given, newGauge)
    }
    this.#family('gauge', name, undefined, newGauge).with(labels).set(given)
  }

  /** The histogram `name`. */
  histogram(name: string, options?: HistogramOptions): MetricFamily<HistogramSeries> {
    if (options !== undefined) known('metrics.histogram', options, HISTOGRAM_OPTIONS)
    if (options?.buckets === undefined)
      return this.#family('histogram', name, options, this.#spread)
    const bounds = checkBuckets(options.buckets)
    return this.#family(
      'histogram',
      name,
      options,
      (labels, text) => new HistogramSeries(labels, text, bounds),
    )
  }

  /** Adds `value` to a counter. */
  incr(name: string, value = 1, labels?: Labels): void {
    this.#family('counter', name, undefined, newCounter).with(labels).inc(value)
  }

  /** Records how long something took, in a histogram. */
  timing(name: string, seconds: number, labels?: Labels): void {
    finite('seconds', seconds)
    this.#family('histogram', name, undefined, this.#spread).with(labels).observe(seconds)
  }

  /** Starts a timer. Its `stop()`, or the end of the block with `using`, records the time in a histogram. */
  timer(name: string, labels?: Labels): Timer {
    return new Timer(this.histogram(name).with(labels), this.#clock)
  }

  /** Runs `fn` and records how long it took, whether it returns, throws, or its promise settles. */
  time<T>(name: string, fn: () => T, labels?: Labels): T {
    callable('fn', fn)
    const timer = this.timer(name, labels)
    let result: T
    try {
      result = fn()
    } catch (error) {
      timer.stop()
      throw error
    }
    if (typeof (result as { then?: unknown } | null)?.then !== 'function') {
      timer.stop()
      return result
    }
    return Promise.resolve(result).finally(() => timer.stop()) as T
  }

  /** All values now. Counters at 0 and empty histograms are left out. */
  getStats(): Stats {
    const stats: Stats = { counters: {}, gauges: {}, histograms: {} }
    for (const family of this) {
      for (const series of family) {
        const name = series.text === '' ? family.name : `${family.name}{${series.text}}`
        if (series.type === 'histogram') {
          if (series.count > 0) stats.histograms[name] = series.stats()
        } else if (series.type === 'gauge') {
          if (series.value !== undefined) stats.gauges[name] = series.value
        } else if (series.value !== 0) {
          stats.counters[name] = series.value
        }
      }
    }
    return stats
  }

  /** Sets all counts to 0. A series that a program keeps can still be used. */
  reset(): void {
    for (const family of this) family.reset()
  }

  /** The metrics, in the order they were made. */
  [Symbol.iterator](): IterableIterator<MetricFamily> {
    return this.#families.values()
  }

  /** Calls `meet` with each metric, now and whenever one is made. @returns a function that ends this */
  onFamily(meet: (family: MetricFamily) => void): () => void {
    callable('meet', meet)
    for (const family of this) meet(family)
    this.#newcomers.add(meet)
    return () => this.#newcomers.delete(meet)
  }

  readonly #spread = (labels: HistogramSeries['labels'], text: string): HistogramSeries =>
    new HistogramSeries(labels, text, this.#buckets)

  #family<S extends Series>(
    type: MetricType,
    name: string,
    options: MetricOptions | undefined,
    make: FamilySettings<S>['make'],
  ): MetricFamily<S> {
    if (options?.help !== undefined) string('help', options.help)
    const family = this.#families.get(name) as MetricFamily<S> | undefined
    if (family === undefined) return this.#make(type, name, options, make)
    if (family.type !== type) {
      throw new OptionTypeError(
        'name',
        `name '${name}' is a ${family.type} already, and cannot be a ${type}`,
      )
    }
    if (options?.help !== undefined && family.help === '') family.help = options.help
    return family
  }

  #make<S extends Series>(
    type: MetricType,
    name: string,
    options: MetricOptions | undefined,
    make: FamilySettings<S>['make'],
  ): MetricFamily<S> {
    const { help = '' } = options ?? {}
    const exported = exportedName(type, name)
    const samples = sampleNames(type, exported)
    for (const sample of samples) {
      const other = this.#samples.get(sample)
      if (other === undefined) continue
      throw new OptionRangeError(
        'name',
        `name '${name}' would be exported as '${sample}', which metric '${other}' has already`,
      )
    }
    for (const sample of samples) this.#samples.set(sample, name)
    const family = new MetricFamily<S>({
      name,
      exported,
      type,
      help,
      maxSeries: this.#maxSeries,
      make,
    })
    this.#families.set(name, family as unknown as MetricFamily)
    for (const meet of this.#newcomers) meet(family as unknown as MetricFamily)
    return family
  }
}

function newCounter(labels: CounterSeries['labels'], text: string): CounterSeries {
  return new CounterSeries(labels, text)
}

function newGauge(labels: GaugeSeries['labels'], text: string): GaugeSeries {
  return new GaugeSeries(labels, text)
}

// Two copies of this package in one process, of any versions, count in one place.
const SHARED = Symbol.for('aioflux.metrics')

/** The process's own metrics. */
export const metrics: Metrics = /* @__PURE__ */ shared()

function shared(): Metrics {
  const home = globalThis as { [SHARED]?: Metrics }
  home[SHARED] ??= new Metrics()
  return home[SHARED]
}
