/** How many values the percentiles are computed from. */
export const WINDOW = 1000
const FIRST = 16

/** The last 1,000 values. Grows with the number of values, so that a thousand quiet histograms do not take 8 MB. */
export class LastValues {
  #values = new Float64Array(FIRST)
  /** How many values were added. */
  #came = 0

  add(value: number): void {
    const values = this.#values
    if (this.#came < values.length) values[this.#came] = value
    else if (values.length < WINDOW) this.#grow(value)
    else values[this.#came % WINDOW] = value
    this.#came += 1
  }

  /** The values in order, as percentiles need them. */
  sorted(): Float64Array {
    return this.#values.slice(0, Math.min(this.#came, WINDOW)).sort()
  }

  clear(): void {
    this.#came = 0
  }

  #grow(value: number): void {
    const before = this.#values
    this.#values = new Float64Array(Math.min(WINDOW, before.length * 4))
    this.#values.set(before)
    this.#values[before.length] = value
  }
}

/** The smallest value for which a share `p` of the values is at most it (nearest rank); 0 without values. */
export function percentile(sorted: Float64Array, p: number): number {
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? 0
}
