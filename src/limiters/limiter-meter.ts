import type { Counter, Histogram, Meter } from '../core/meter.ts'

/** What limiters count, for whoever gave them `metrics`. */
export class LimiterMeter {
  readonly allowed: Counter
  readonly denied: Counter
  readonly waits: Histogram
  readonly #metrics: Meter
  readonly #labels: { readonly limiter: string }

  constructor(metrics: Meter, limiter: string) {
    this.#metrics = metrics
    this.#labels = { limiter }
    const decisions = metrics.counter('aioflux_limiter_decisions_total', {
      help: 'Calls allowed and denied.',
    })
    this.allowed = decisions.with({ limiter, outcome: 'allowed' })
    this.denied = decisions.with({ limiter, outcome: 'denied' })
    this.waits = metrics
      .histogram('aioflux_limiter_wait_seconds', { help: 'How long calls that waited had to.' })
      .with(this.#labels)
  }

  decided(allowed: boolean): void {
    if (allowed) this.allowed.inc()
    else this.denied.inc()
  }

  followWaiting<Part extends object>(part: Part, read: (part: Part) => number): void {
    this.#metrics
      .gauge('aioflux_limiter_waiting', { help: 'Calls in line now.' })
      .with(this.#labels)
      .follow(part, read)
  }

  /** @param part what knows the keys; shared by limiters, it counts once */
  followKeys<Part extends { readonly size: number; readonly evicted: number }>(part: Part): void {
    this.#metrics
      .gauge('aioflux_limiter_keys', { help: 'Keys remembered now.' })
      .with(this.#labels)
      .follow(part, ({ size }) => size)
    this.#metrics
      .counter('aioflux_limiter_evicted_keys_total', {
        help: 'Keys forgotten because there were more than the storage holds.',
      })
      .with(this.#labels)
      .follow(part, ({ evicted }) => evicted)
  }

  followRate<Part extends { readonly currentRate: number }>(part: Part): void {
    this.#metrics
      .gauge('aioflux_limiter_rate', {
        help: 'Calls per second that pass now, of adaptive limiters.',
      })
      .with(this.#labels)
      .follow(part, ({ currentRate }) => currentRate)
  }

  /** @returns what counts the failures of the storage */
  followStorage<Part extends { readonly down: boolean }>(part: Part): Counter {
    this.#metrics
      .gauge('aioflux_limiter_storage_down', {
        help: '1 while the storage cannot be asked and the outage policy answers.',
      })
      .with(this.#labels)
      .follow(part, ({ down }) => (down ? 1 : 0))
    return this.#metrics
      .counter('aioflux_limiter_storage_errors_total', {
        help: 'Times the storage could not be asked.',
      })
      .with(this.#labels)
  }
}
