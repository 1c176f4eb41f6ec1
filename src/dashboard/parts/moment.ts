import type { Millis } from '../../core/duration.ts'

/** A moment so many seconds ago, to the second: it must not change from one sample to the next. */
export function secondOf(now: Millis, ago: number): Millis {
  return Math.round((now - ago * 1000) / 1000) * 1000
}
