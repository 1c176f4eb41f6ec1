import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import type { Events } from '../core/events.ts'
import type { Leadership, ScheduledJob, SchedulerEvents } from './schedule-types.ts'
import type { SchedulerMeter } from './scheduler-meter.ts'
import type { SlotKeeper } from './slot-keeper.ts'

/** The parts of a scheduler that all its jobs share. */
export interface JobContext {
  readonly clock: Clock
  readonly wall: () => Millis
  readonly random: () => number
  readonly events: Events<SchedulerEvents>
  readonly meter: SchedulerMeter | undefined
  readonly slots: SlotKeeper | undefined
  readonly leadership: Leadership | undefined
  /** Runs of all jobs since the scheduler was made. */
  readonly tally: { completed: number; failed: number }
  /** Forgets a job. */
  readonly onCancel: (job: ScheduledJob) => void
}
