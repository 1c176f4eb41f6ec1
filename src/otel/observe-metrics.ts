import { describe, OptionTypeError } from '../core/errors.ts'
import type { MetricFamily, Series } from '../metrics/family.ts'
import type { HistogramSeries } from '../metrics/histogram.ts'
import { type Metrics, metrics as processMetrics } from '../metrics/metrics.ts'

/** The part of a `Meter` of @opentelemetry/api that is used. */
export interface OtelMeter {
  createObservableCounter(name: string, options?: { description?: string }): OtelObservable
  createObservableGauge(name: string, options?: { description?: string }): OtelObservable
}

/** An observable instrument of @opentelemetry/api. */
export interface OtelObservable {
  addCallback(callback: (result: Observer) => void): void
  removeCallback(callback: (result: Observer) => void): void
}

interface Observer {
  observe(value: number, attributes?: Record<string, string>): void
}

/**
 * Shows all metrics, present and future, to OpenTelemetry as observable instruments. They are read when OpenTelemetry collects, so they
 * cost nothing until then.
 *
 * Counters have no ending `_total`: exporters to Prometheus add it. OpenTelemetry has no observable histograms: a histogram `x` becomes
 * the counters `x.count`, `x.sum` and, by the attribute `le`, `x.bucket`.
 *
 * @returns a function that ends this
 *
 * @example
 * import { metrics as otel } from '@opentelemetry/api'
 * observeMetrics(otel.getMeter('my-service'))
 */
export function observeMetrics(meter: OtelMeter, metrics: Metrics = processMetrics): () => void {
  if (typeof meter?.createObservableCounter !== 'function') {
    throw new OptionTypeError(
      'meter',
      `meter must be a Meter of OpenTelemetry, got ${describe(meter)}`,
    )
  }
  if (typeof metrics?.onFamily !== 'function') {
    throw new OptionTypeError('metrics', `metrics must be a Metrics, got ${describe(metrics)}`)
  }
  const stops: (() => void)[] = []
  const watch = (
    instrument: OtelObservable,
    family: MetricFamily,
    tell: (series: Series, observe: Observer['observe']) => void,
  ) => {
    const callback = (result: Observer) => {
      for (const series of family) {
        tell(series, (value, more) =>
          result.observe(value, { ...Object.fromEntries(series.labels), ...more }),
        )
      }
    }
    instrument.addCallback(callback)
    stops.push(() => instrument.removeCallback(callback))
  }
  stops.push(
    metrics.onFamily((family) => {
      const { exported: name } = family
      const options = { description: family.help }
      const counter = (ending: string) => meter.createObservableCounter(`${name}${ending}`, options)
      if (family.type === 'histogram') {
        watch(
          counter('.count'),
          family,
          ofHistogram(({ count }, observe) => observe(count)),
        )
        watch(
          counter('.sum'),
          family,
          ofHistogram(({ sum }, observe) => observe(sum)),
        )
        watch(counter('.bucket'), family, ofHistogram(tellBuckets))
      } else {
        const instrument =
          family.type === 'counter' ? counter('') : meter.createObservableGauge(name, options)
        watch(instrument, family, tellValue)
      }
    }),
  )
  return () => {
    for (const stop of stops) stop()
  }
}

function tellValue(series: Series, observe: Observer['observe']): void {
  if (series.type !== 'histogram' && series.value !== undefined) observe(series.value)
}

function tellBuckets(series: HistogramSeries, observe: Observer['observe']): void {
  for (const [le, count] of series.cumulative()) observe(count, { le })
}

function ofHistogram(
  tell: (series: HistogramSeries, observe: Observer['observe']) => void,
): (series: Series, observe: Observer['observe']) => void {
  return (series, observe) => {
    if (series.type === 'histogram') tell(series, observe)
  }
}
