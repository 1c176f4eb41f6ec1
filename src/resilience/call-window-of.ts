import type { Micros } from '../core/duration.ts'
import type { CallWindow } from './call-window.ts'
import { CountWindow } from './count-window.ts'
import { TimeWindow } from './time-window.ts'

/** A window of the last `size.calls` calls, or of the calls of the last `size` microseconds. */
export function callWindow(size: { calls: number } | Micros): CallWindow {
  return typeof size === 'number' ? new TimeWindow(size) : new CountWindow(size.calls)
}
