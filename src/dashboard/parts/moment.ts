import type { Millis } from '../../core/duration.ts'

/** The moment `ago` seconds before `now`, rounded to a second, so that it does not change from one sample to the next. */
export function secondOf(now: Millis, ago: number): Millis {
  return Math.round((now - ago * 1000) / 1000) * 1000
}
