import type { Counter, Gauge, Histogram, Labels, Meter } from '../core/meter.ts'
import { PartSeries } from '../core/part-series.ts'
import type { BreakerMachine } from './breaker-machine.ts'
import type { BreakerState } from './breaker-types.ts'

const STATES: readonly BreakerState[] = ['closed', 'open', 'half_open', 'isolated']

/** The series of one set of labels. One breaker counts in them, or all breakers of a registry. */
export class BreakerSeries {
  readonly succeeded: Counter
  readonly failed: Counter
  readonly ignored: Counter
  readonly stale: Counter
  readonly refused: Counter
  readonly slow: Counter
  readonly seconds: Histogram
  readonly #opened: Counter
  readonly #states: ReadonlyMap<BreakerState, Gauge>
  readonly #series: PartSeries

  /** @param part the series are removed when this object is garbage-collected, or by {@link end} */
  constructor(metrics: Meter, labels: Labels, part: object) {
    const series = new PartSeries(metrics, part)
    this.#series = series
    const calls = series.counter('aioflux_breaker_calls_total', {
      help: 'Calls, by how they ended.',
    })
    const ended = (outcome: string) => calls.with({ ...labels, outcome })
    this.succeeded = ended('succeeded')
    this.failed = ended('failed')
    this.ignored = ended('ignored')
    this.stale = ended('stale')
    this.refused = ended('refused')
    this.slow = series
      .counter('aioflux_breaker_slow_calls_total', { help: 'Calls that were slow.' })
      .with(labels)
    this.seconds = series
      .histogram('aioflux_breaker_call_seconds', {
        help: 'How long calls took. Above 10,000 calls a second, each timed call stands for several.',
      })
      .with(labels)
    this.#opened = series
      .counter('aioflux_breaker_opened_total', { help: 'Times the breaker has opened.' })
      .with(labels)
    const state = series.gauge('aioflux_breaker_state', {
      help: '1 for the state it is in; for a registry, how many breakers are in the state.',
    })
    this.#states = new Map(
      STATES.map((name) => [name, state.with({ ...labels, state: name })] as const),
    )
  }

  /** Adds the state of one breaker, for as long as that breaker lives. @returns a function that ends this */
  follow(machine: BreakerMachine): () => void {
    const stops = [this.#opened.follow(machine, ({ opened }) => opened)]
    for (const [name, gauge] of this.#states) {
      stops.push(gauge.follow(machine, ({ seen }) => (seen === name ? 1 : 0)))
    }
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** Removes the series, unless another part counts there. */
  end(): void {
    this.#series.end()
  }
}
