import type { Millis } from '../../core/duration.ts'

/** A timeline has at most so many buckets, however long the log. */
export const MOST_BUCKETS = 512

export interface Bucket {
  allowed: number
  denied: number
}

/** Allowed and denied over time: buckets of a second, joined two by two whenever there would be too many. */
export class Timeline {
  /** How long one bucket is. */
  width: Millis = 1000
  /** Where the first bucket begins. */
  start: Millis = 0
  buckets: Bucket[] = []
  readonly #most: number

  constructor(most: number = MOST_BUCKETS) {
    this.#most = most
  }

  /** @param time not before that of the first call */
  add(time: Millis, allowed: boolean): void {
    if (this.buckets.length === 0) this.start = Math.floor(time / this.width) * this.width
    let index = Math.floor((time - this.start) / this.width)
    while (index >= this.#most) {
      this.#fold()
      index = Math.floor((time - this.start) / this.width)
    }
    while (this.buckets.length <= index) this.buckets.push({ allowed: 0, denied: 0 })
    const bucket = this.buckets[index] as Bucket
    if (allowed) bucket.allowed += 1
    else bucket.denied += 1
  }

  #fold(): void {
    this.width *= 2
    this.buckets = joined(this.buckets, 2)
  }
}

/** Every `count` neighbours as one. */
export function joined(buckets: readonly Bucket[], count: number): Bucket[] {
  const sums: Bucket[] = []
  buckets.forEach(({ allowed, denied }, i) => {
    if (i % count === 0) sums.push({ allowed: 0, denied: 0 })
    const sum = sums[sums.length - 1] as Bucket
    sum.allowed += allowed
    sum.denied += denied
  })
  return sums
}
