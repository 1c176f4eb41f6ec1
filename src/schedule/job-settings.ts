import { callable, flag, integer, known, oneOf, text } from '../core/check.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { type Retry, toRetry } from '../resilience/retry.ts'
import { checkTimezone } from './cron-plan.ts'
import type { JobFunction, JobOptions, Leadership, Overlap } from './schedule-types.ts'

/** The options of a job, checked and in milliseconds. */
export interface JobSettings {
  readonly fn: JobFunction
  /** What happens to a slot when `room` runs go on. */
  readonly whenBusy: 'skip' | 'queue' | 'replace'
  /** How many runs may go on at once. */
  readonly room: number
  readonly catchUp: boolean
  readonly tolerance: Millis
  readonly jitter: Millis
  readonly timeout: Millis | undefined
  readonly retry: Retry | undefined
  readonly leadership: Leadership | undefined
  readonly timezone: string | undefined
  readonly runAtStart: boolean
  /** The job ends after this number of runs. */
  readonly maxRuns: number | undefined
}

/** @throws OptionTypeError | OptionRangeError naming the option and its value */
export function jobSettings(fn: JobFunction, options: JobOptions): JobSettings {
  callable('fn', fn)
  const { name, overlap = 'skip', misfire = 'once', retry, coordinator } = options
  const { tolerance = '1s', jitter = 0, runAtStart = false, maxRuns } = options
  if (name !== undefined) text('name', name)
  checkTimezone(options.timezone)
  return {
    fn,
    ...readOverlap(overlap),
    catchUp: oneOf('misfire', misfire, ['skip', 'once']) === 'once',
    tolerance: toMillis('tolerance', tolerance),
    jitter: toMillis('jitter', jitter),
    timeout: options.timeout === undefined ? undefined : toMillis('timeout', options.timeout),
    retry: retry === undefined ? undefined : toRetry('retry', retry),
    leadership: coordinator === undefined ? undefined : checkLeadership(coordinator),
    timezone: options.timezone,
    runAtStart: flag('runAtStart', runAtStart),
    maxRuns: maxRuns === undefined ? undefined : integer('maxRuns', maxRuns, 1),
  }
}

/** @throws OptionTypeError when `coordinator` has no `isLeader` */
export function checkLeadership(coordinator: Leadership): Leadership {
  if (typeof coordinator?.isLeader === 'boolean') return coordinator
  throw new OptionTypeError(
    'coordinator',
    `coordinator must be a Coordinator, or have isLeader, got ${describe(coordinator)}`,
  )
}

function readOverlap(overlap: Overlap): Pick<JobSettings, 'whenBusy' | 'room'> {
  if (typeof overlap === 'object' && overlap !== null) {
    known('overlap', overlap, { parallel: true }, 'overlap')
    return { whenBusy: 'skip', room: integer('overlap.parallel', overlap.parallel, 1) }
  }
  return { whenBusy: oneOf('overlap', overlap, ['skip', 'queue', 'replace']), room: 1 }
}
