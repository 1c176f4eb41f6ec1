import { finite, integer } from '../core/check.ts'
import { describe, OptionRangeError, OptionTypeError } from '../core/errors.ts'
import type { Histogram } from '../core/meter.ts'
import type { Label } from './label-set.ts'
import { LastValues, percentile } from './last-values.ts'

/** For durations in seconds: a tenth of a millisecond to a minute. */
export const DEFAULT_BUCKETS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30, 60,
]

/** The values of a histogram in short, in their own unit: seconds for times. */
export interface HistogramStats {
  /** How many values were recorded. */
  count: number
  /** The mean of all values. */
  mean: number
  /** The median of the last 1,000 values: half of them are at most this. `p95`: 95 % of them; `p99`: 99 %. */
  p50: number
  p95: number
  p99: number
}

/** One series of a histogram: buckets of all values, percentiles of the latest. */
export class HistogramSeries implements Histogram {
  readonly labels: readonly Label[]
  readonly text: string
  readonly bounds: readonly number[]
  /** How many values fell into each bucket alone, the last of them without an upper bound. */
  readonly buckets: Float64Array
  count = 0
  sum = 0
  readonly #recent = new LastValues()

  get type(): 'histogram' {
    return 'histogram'
  }

  constructor(labels: readonly Label[], text: string, bounds: readonly number[]) {
    this.labels = labels
    this.text = text
    this.bounds = bounds
    this.buckets = new Float64Array(bounds.length + 1)
  }

  observe(value: number, times = 1): void {
    finite('value', value)
    if (times !== 1) integer('times', times, 1)
    this.sum = finite('value', this.sum + value * times)
    this.count += times
    this.buckets[this.#bucket(value)]! += times
    this.#recent.add(value)
  }

  /** For each bound, as text, the number of values up to it; the last is `+Inf`. */
  cumulative(): [le: string, count: number][] {
    let below = 0
    const all = this.bounds.map((bound, i): [string, number] => {
      below += this.buckets[i] as number
      return [String(bound), below]
    })
    return [...all, ['+Inf', this.count]]
  }

  stats(): HistogramStats {
    const sorted = this.#recent.sorted()
    return {
      count: this.count,
      mean: this.count === 0 ? 0 : this.sum / this.count,
      p50: percentile(sorted, 0.5),
      p95: percentile(sorted, 0.95),
      p99: percentile(sorted, 0.99),
    }
  }

  reset(): void {
    this.count = 0
    this.sum = 0
    this.buckets.fill(0)
    this.#recent.clear()
  }

  /** The first bucket whose bound is at least `value`. */
  #bucket(value: number): number {
    const { bounds } = this
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((bounds[middle] as number) < value) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Rising, finite upper bounds. */
export function checkBuckets(buckets: readonly number[]): readonly number[] {
  if (!Array.isArray(buckets) || buckets.length === 0) {
    throw new OptionTypeError(
      'buckets',
      `buckets must be a list of upper bounds, at least one, got ${describe(buckets)}`,
    )
  }
  buckets.forEach((bound, i) => {
    if (typeof bound === 'number' && bound < Infinity && bound > (buckets[i - 1] ?? -Infinity)) {
      return
    }
    throw new OptionRangeError(
      'buckets',
      `buckets must be finite and rise, got ${describe(bound)} at ${i}`,
    )
  })
  return [...buckets]
}
