import { describe, OptionTypeError } from '../core/errors.ts'
import type { MetricFamily, Series } from './family.ts'
import { type Metrics, metrics as processMetrics } from './metrics.ts'
import { checkMetrics } from './prometheus-exporter.ts'

/** The part of a `Registry` of prom-client 15 or @prometheus-io/client that is used. */
export interface PrometheusRegistry {
  // biome-ignore lint/suspicious/noExplicitAny: the two packages have different types of metrics.
  registerMetric(metric: any): void
  removeSingleMetric(name: string): void
}

interface Sample {
  value: number
  labels: Record<string, string | number>
  metricName?: string
}

/**
 * Adds all metrics, present and future, to a registry that you have already. Values are read when the registry is scraped, and cost
 * nothing until then.
 *
 * @returns a function that removes them from the registry
 * @throws Error of the registry when one of its own metrics has the same name
 *
 * @example
 * import { register } from 'prom-client'
 * registerPrometheus(register)
 */
export function registerPrometheus(
  registry: PrometheusRegistry,
  metrics: Metrics = processMetrics,
): () => void {
  if (typeof registry?.registerMetric !== 'function') {
    throw new OptionTypeError(
      'registry',
      `registry must have registerMetric(), got ${describe(registry)}`,
    )
  }
  checkMetrics(metrics)
  const names: string[] = []
  let known = false
  const stop = metrics.onFamily((family) => {
    try {
      const metric = new RegisteredMetric(family)
      registry.registerMetric(metric)
      names.push(metric.name)
    } catch (error) {
      if (!known) throw error
      // Not thrown: the error would reach the code that has just made a limiter.
      console.error(`aioflux: metric '${family.name}' cannot be registered`, error)
    }
  })
  known = true
  return () => {
    stop()
    for (const name of names) registry.removeSingleMetric(name)
  }
}

/** A metric in a registry. The registry may change `name`: for OpenMetrics it removes `_total`. */
class RegisteredMetric {
  name: string
  readonly type: string
  readonly aggregator = 'sum'
  readonly #family: MetricFamily

  constructor(family: MetricFamily) {
    this.name = family.type === 'counter' ? `${family.exported}_total` : family.exported
    this.type = family.type
    this.#family = family
  }

  get help(): string {
    return this.#family.help || this.#family.name
  }

  async get(): Promise<object> {
    const { name, type, help, aggregator } = this
    const values: Sample[] = []
    for (const series of this.#family) values.push(...samples(name, series))
    return { name, type, help, aggregator, values }
  }

  reset(): void {
    this.#family.reset()
  }
}

function samples(name: string, series: Series): Sample[] {
  const labels = Object.fromEntries(series.labels)
  if (series.type !== 'histogram') {
    const { value } = series
    return value === undefined ? [] : [{ value, labels }]
  }
  const { count, sum } = series
  const values: Sample[] = series
    .cumulative()
    .map(([le, value]) => ({ value, labels: { ...labels, le }, metricName: `${name}_bucket` }))
  values.push({ value: sum, labels, metricName: `${name}_sum` })
  values.push({ value: count, labels, metricName: `${name}_count` })
  return values
}
