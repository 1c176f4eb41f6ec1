import type { Millis } from '../../core/duration.ts'

/** How far back a rate looks: shorter, and it is noise; longer, and a change is seen late. */
const SPAN: Millis = 5_000
/** After a pause without an open page, older figures say nothing of now. */
const FORGET: Millis = 15_000

/** How fast a number that only rises does so, over the last seconds. */
export class Rate {
  #points: { readonly at: Millis; readonly total: number }[] = []

  /** @returns a second; `undefined` until there are two points */
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
