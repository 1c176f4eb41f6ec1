/// <reference lib="esnext.disposable" preserve="true" />
// What goes on, for people and for Prometheus.
export type {
  Counter,
  Family,
  Followed,
  Gauge,
  Histogram,
  HistogramOptions,
  Labels,
  Meter,
  Metered,
  MetricOptions,
} from '../core/meter.ts'
export { ConsoleMonitor, type ConsoleMonitorOptions } from './console-monitor.ts'
export type { CounterSeries } from './counter.ts'
export type { MetricFamily, MetricType } from './family.ts'
export type { GaugeSeries } from './gauge.ts'
export type { HistogramSeries, HistogramStats } from './histogram.ts'
export { Metrics, type MetricsOptions, metrics, type Stats } from './metrics.ts'
export type { ScrapeRequest, ScrapeResponse } from './node-http.ts'
export { PrometheusExporter, type PrometheusExporterOptions } from './prometheus-exporter.ts'
export { type PrometheusRegistry, registerPrometheus } from './register-prometheus.ts'
export type { Timer } from './timer.ts'
