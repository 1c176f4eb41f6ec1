import type { Millis } from '../../core/duration.ts'

/** A stretch of traffic: from when until when, in seconds, and how many requests a second. */
export interface Scene {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly rate: number
}

export const SCENES: readonly Scene[] = [
  { name: 'quiet', from: 0, to: 9, rate: 4 },
  { name: 'burst', from: 9, to: 11, rate: 36 },
  { name: 'quiet', from: 11, to: 24, rate: 4 },
  { name: 'overload', from: 24, to: 44, rate: 24 },
  { name: 'quiet', from: 44, to: 60, rate: 4 },
]

/** How long it all takes, in seconds. */
export const SECONDS = 60

/** When each request comes: at random, and the same every time. */
export function arrivals(seed = 2015): Millis[] {
  const random = mulberry32(seed)
  const times: Millis[] = []
  for (const { from, to, rate } of SCENES) {
    let at = from
    for (;;) {
      // Half even, half by chance: strangers' requests with a little of the regularity of a client.
      at += (0.5 + random()) / rate
      if (at >= to) break
      times.push(Math.round(at * 1000))
    }
  }
  return times
}

/** A small generator of numbers from 0 to 1 (T. Ettinger, 2017); ours, so that every runtime draws the same. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
