import type { Micros } from '../core/duration.ts'
import type { Events } from '../core/events.ts'
import type { Counter, Histogram, Meter } from '../core/meter.ts'
import { PartSeries } from '../core/part-series.ts'
import { Sampling } from '../core/sampling.ts'
import type { BreakerMachine } from './breaker-machine.ts'
import type { BreakerSettings } from './breaker-options.ts'
import type { BreakerEvents, BreakerState } from './breaker-types.ts'
import { FAILED, NO_FAILURE, type Outcome, SLOW } from './outcome.ts'

const STATES: readonly BreakerState[] = ['closed', 'open', 'half_open', 'isolated']

/** The meter of a breaker, where there are metrics to count for. */
export function meterOf(
  { metrics, name }: BreakerSettings,
  machine: BreakerMachine,
  events: Events<BreakerEvents>,
): BreakerMeter | undefined {
  if (metrics === undefined) return undefined
  events.meter()
  return new BreakerMeter(metrics, name, machine)
}

/** What a breaker counts, for whoever gave it `metrics`. */
export class BreakerMeter {
  readonly sampling: Sampling = new Sampling()
  readonly #succeeded: Counter
  readonly #failed: Counter
  readonly #ignored: Counter
  readonly #stale: Counter
  readonly #refused: Counter
  readonly #slow: Counter
  readonly #seconds: Histogram
  /** Calls that have ended since the last one that was timed: it stands for them. */
  #untimed = 0

  constructor(metrics: Meter, breaker: string, machine: BreakerMachine) {
    const series = new PartSeries(metrics, machine)
    const calls = series.counter('aioflux_breaker_calls_total', {
      help: 'Calls, by how they ended.',
    })
    this.#succeeded = calls.with({ breaker, outcome: 'succeeded' })
    this.#failed = calls.with({ breaker, outcome: 'failed' })
    this.#ignored = calls.with({ breaker, outcome: 'ignored' })
    this.#stale = calls.with({ breaker, outcome: 'stale' })
    this.#refused = calls.with({ breaker, outcome: 'refused' })
    this.#slow = series
      .counter('aioflux_breaker_slow_calls_total', { help: 'Calls that were slow.' })
      .with({ breaker })
    this.#seconds = series
      .histogram('aioflux_breaker_call_seconds', {
        help: 'How long calls took. Above 10,000 calls a second, one that is timed stands for several.',
      })
      .with({ breaker })
    const opened = series.counter('aioflux_breaker_opened_total', {
      help: 'Times the breaker has opened.',
    })
    series.follow(opened.with({ breaker }), machine, (followed) => followed.opened)
    const state = series.gauge('aioflux_breaker_state', { help: '1 for the state it is in.' })
    for (const name of STATES) {
      series.follow(state.with({ breaker, state: name }), machine, ({ seen }) =>
        seen === name ? 1 : 0,
      )
    }
  }

  refused(): void {
    this.#refused.inc()
  }

  /** A call that was not timed has ended well. */
  passed(): void {
    this.#succeeded.inc()
    this.#untimed += 1
  }

  /** @param took where the call was timed */
  ended(outcome: Outcome, stale: boolean, took: Micros | undefined): void {
    if (stale) this.#stale.inc()
    else if (outcome & FAILED) this.#failed.inc()
    else if (outcome & NO_FAILURE) this.#ignored.inc()
    else this.#succeeded.inc()
    if (!stale && outcome & SLOW) this.#slow.inc()
    this.#untimed += 1
    if (took === undefined) return
    this.#seconds.observe(Math.max(0, took) / 1e6, this.#untimed)
    this.#untimed = 0
  }
}
