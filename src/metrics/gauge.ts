import { finite } from '../core/check.ts'
import type { Gauge } from '../core/meter.ts'
import type { Label } from './label-set.ts'
import { Sources } from './sources.ts'

/** One series of a gauge. */
export class GaugeSeries implements Gauge {
  readonly labels: readonly Label[]
  readonly text: string
  #set: number | undefined
  #sources: Sources | undefined

  get type(): 'gauge' {
    return 'gauge'
  }

  constructor(labels: readonly Label[], text: string) {
    this.labels = labels
    this.text = text
  }

  set(value: number): void {
    this.#set = finite('value', value)
  }

  /** Adds to the value, such as a number of open connections. */
  inc(by = 1): void {
    finite('value', by)
    this.#set = finite('value', (this.#set ?? 0) + by)
  }

  dec(by = 1): void {
    // Checked before the sign: `-'5'` would be a number.
    this.inc(-finite('value', by))
  }

  follow<Part extends object>(part: Part, read: (part: Part) => number): () => void {
    // The limit of a limiter may be Infinity.
    this.#sources ??= new Sources((value) => !Number.isNaN(value))
    const leave = this.#sources.add(part, read)
    return () => void leave()
  }

  /** `undefined` while the gauge was never set and follows no part. */
  get value(): number | undefined {
    const sources = this.#sources
    if (sources === undefined || sources.size === 0) return this.#set
    const sum = sources.sum(() => {})
    return sources.size === 0 ? this.#set : (this.#set ?? 0) + sum
  }

  reset(): void {
    this.#set = undefined
  }
}
