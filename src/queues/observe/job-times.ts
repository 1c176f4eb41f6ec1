import type { Millis } from '../../core/duration.ts'

/** When a job that is timed was put, and begun: first, and last. */
export interface JobTimes {
  readonly put: Millis
  first: Millis | undefined
  last: Millis
}

/** An attempt of a job that is timed begins. */
export function noteStart(times: JobTimes, now: Millis): void {
  times.first ??= now
  times.last = now
}
