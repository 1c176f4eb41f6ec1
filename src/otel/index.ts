/// <reference lib="esnext.disposable" preserve="true" />
// The same metrics, and spans round jobs, for OpenTelemetry.
export { carryTraces, type OtelApi } from './carry-traces.ts'
export { type OtelMeter, type OtelObservable, observeMetrics } from './observe-metrics.ts'
export { type OtelSpan, type OtelTracer, type TraceOptions, traced } from './traced.ts'
