/** A point of the curve: a rate, and the share that it denies. */
export interface Point {
  readonly rate: number
  readonly share: number
}

/** Whole rates from 1 to `highest`, evenly spread on a logarithmic scale, at most `count` of them. */
export function ratesUpTo(highest: number, count: number): number[] {
  if (highest <= count) return Array.from({ length: highest }, (_, i) => i + 1)
  const rates = new Set<number>()
  for (let i = 0; i < count; i++) rates.add(Math.round(highest ** (i / (count - 1))))
  return [...rates].sort((a, b) => a - b)
}

/**
 * Where the curve bends most: beyond that rate, more limit spares few requests. It is the point farthest below the line
 * from the first point to the last, with the rates on a logarithmic scale (Kneedle: Satopaa et al., 2011).
 *
 * @param points with rising rates
 * @returns `undefined` where there is no bend
 */
export function kneeOf(points: readonly Point[]): Point | undefined {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined || first.share <= last.share) return undefined
  const width = Math.log(last.rate / first.rate)
  const height = first.share - last.share
  let knee: Point | undefined
  let farthest = 0.01
  for (const point of points) {
    const along = Math.log(point.rate / first.rate) / width
    const down = (first.share - point.share) / height
    if (down - along > farthest) {
      farthest = down - along
      knee = point
    }
  }
  return knee
}
