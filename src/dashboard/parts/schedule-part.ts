import type { Millis } from '../../core/duration.ts'
import { messageOf } from '../../core/error-text.ts'
import type { JobInfo } from '../../schedule/schedule-types.ts'
import type { Scheduler } from '../../schedule/scheduler.ts'
import type { ScheduleState } from '../state.ts'
import { dictionary } from './dictionary.ts'

const DAY: Millis = 86_400_000
/** The most slots of the next day that are shown: more would be one solid line. */
const MOST_SLOTS = 200
/** How often the future slots are computed: a cron expression costs more than everything else. */
const AGAIN: Millis = 60_000

/** The jobs of the schedulers of this process. */
export class SchedulePart {
  readonly #schedulers: readonly Scheduler[]
  readonly #upcoming = new Map<string, { at: Millis; next: number | undefined; slots: number[] }>()

  constructor(schedulers: readonly Scheduler[]) {
    this.#schedulers = schedulers
  }

  sample(now: Millis): Record<string, ScheduleState> {
    const states = dictionary<ScheduleState>()
    for (const scheduler of this.#schedulers) {
      for (const job of scheduler.listJobs()) {
        states[job.name] ??= stateOf(job, this.#slots(scheduler, job, now))
      }
    }
    return states
  }

  names(): string[] {
    return this.#schedulers.flatMap((scheduler) => scheduler.listJobs().map(({ name }) => name))
  }

  /** The scheduler that has a job of that name. */
  find(name: string): Scheduler | undefined {
    return this.#schedulers.find((each) => each.listJobs().some((job) => job.name === name))
  }

  #slots(scheduler: Scheduler, { name, nextRun }: JobInfo, now: Millis): readonly number[] {
    const known = this.#upcoming.get(name)
    const next = nextRun?.getTime()
    if (known !== undefined && now - known.at < AGAIN) {
      return known.slots.filter((slot) => next !== undefined && slot >= next)
    }
    const slots = scheduler.upcoming(name, new Date(now + DAY), MOST_SLOTS + 1)
    // A schedule with more slots than this is not drawn.
    const told = slots.length > MOST_SLOTS ? [] : slots.map((slot) => slot.getTime())
    this.#upcoming.set(name, { at: now, next, slots: told })
    return told
  }
}

function stateOf(job: JobInfo, upcoming: readonly number[]): ScheduleState {
  const { kind, schedule, timezone, nextRun, lastRun, lastError } = job
  const { running, completed, failed, skipped, missed, overlap } = job
  return {
    kind,
    when: schedule,
    ...(timezone !== undefined && { timezone }),
    ...(nextRun !== undefined && { next: nextRun.getTime() }),
    ...(lastRun !== undefined && { last: lastRun.getTime() }),
    running,
    completed,
    failed,
    skipped,
    missed,
    overlap,
    ...(lastError !== undefined && { error: messageOf(lastError) }),
    recent: job.recent.map(({ at, seconds, outcome }) => ({
      at: at.getTime(),
      seconds: Math.round(seconds * 1000) / 1000,
      outcome,
    })),
    upcoming,
    here: true,
  }
}
