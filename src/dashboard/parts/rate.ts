import type { Millis } from '../../core/duration.ts'

/** The time over which a rate is computed. With a shorter time it is noise, with a longer one a change is seen late. */
const SPAN: Millis = 5_000
/** Older figures, from before a pause without an open page, are not used. */
const FORGET: Millis = 15_000

/** The rate per second of a number that only rises, over the last seconds. */
export class Rate {
  #points: { readonly at: Millis; readonly total: number }[] = []

  /** @returns the rate per second; `undefined` until there are two points */
  push(total: number, at: Millis): number | undefined {
    const last = this.#points.at(-1)
    if (last !== undefined && (at - last.at > FORGET || total < last.total)) this.#points = []
    this.#points.push({ at, total })
    while (this.#points.length > 2 && at - (this.#points[0]?.at ?? at) > SPAN) this.#points.shift()
    const [first] = this.#points
    if (first === undefined || at <= first.at) return undefined
    return ((total - first.total) * 1000) / (at - first.at)
  }
}
