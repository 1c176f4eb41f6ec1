import { callback, having, integer, known, must, oneOf, string, text } from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { ClosedError, OptionRangeError, OptionTypeError, quoted } from '../core/errors.ts'
import { Events, type Listener } from '../core/events.ts'
import { checkMeter } from '../core/meter.ts'
import { checkTimezone, cronPlan } from './cron-plan.ts'
import { Job } from './job.ts'
import type { JobContext } from './job-context.ts'
import { checkLeadership, type JobSettings, jobSettings } from './job-settings.ts'
import { type Period, periodMillis } from './period.ts'
import { atPlan, everyPlan, type Plan } from './plan.ts'
import {
  type Campaign,
  JOB_DEFAULTS,
  JOB_OPTIONS,
  type JobFunction,
  type JobInfo,
  type JobOptions,
  SCHEDULER_EVENTS,
  SCHEDULER_OPTIONS,
  SCHEDULER_STOP_OPTIONS,
  type ScheduledJob,
  type SchedulerEvents,
  type SchedulerOptions,
  type SchedulerStopOptions,
  type SchedulerStopReport,
} from './schedule-types.ts'
import { SchedulerMeter } from './scheduler-meter.ts'
import { Shutdown } from './shutdown.ts'
import { slotKeeper } from './slot-keeper.ts'

/**
 * Runs jobs at their times: at intervals (`every`), by a cron expression (`cron`), or at a date (`at`).
 *
 * A slot is run once, even when the date is set back. Slots that passed while the process was busy, suspended or off are counted and
 * told by an event `misfire`; one run makes up for them (`misfire: 'once'`), or none (`'skip'`). An error of a job is the event
 * `failed` and does not end the scheduler.
 *
 * Jobs that wait for their next slot keep the process alive, until {@link stop}.
 *
 * @example
 * const scheduler = new Scheduler({ timezone: 'Europe/Berlin' })
 * scheduler.every('30s', refresh)
 * scheduler.cron('0 9 * * MON-FRI', report, { overlap: 'queue', timeout: '10m', retry: 3 })
 * scheduler.at(new Date('2030-01-01T00:00:00Z'), celebrate)
 * scheduler.on('failed', ({ name, error }) => log.error(name, error))
 * scheduler.start()
 * process.once('SIGTERM', () => scheduler.stop({ deadline: '30s' }))
 */
export class Scheduler implements AsyncDisposable {
  readonly #jobs = new Map<string, Job>()
  readonly #events = new Events<SchedulerEvents>(SCHEDULER_EVENTS)
  readonly #context: JobContext
  readonly #clock: Clock
  readonly #timezone: string | undefined
  readonly #defaults: Omit<JobOptions, 'name' | 'timezone'>
  /** Jobs that were cancelled and still have runs. */
  readonly #leaving = new Set<Job>()
  readonly #tally = { completed: 0, failed: 0 }
  #started = false
  #campaign: Campaign | undefined
  #shutdown: Shutdown | undefined

  /** @throws OptionTypeError | OptionRangeError naming the option and its value */
  constructor(options: SchedulerOptions = {}) {
    known('Scheduler', options, SCHEDULER_OPTIONS)
    const { clock = systemClock, storage, coordinator, timezone, defaults = {} } = options
    const { name = 'scheduler', random = Math.random } = options
    const metrics = checkMeter(options.metrics)
    known('the defaults of a Scheduler', defaults, JOB_DEFAULTS, 'defaults')
    jobSettings(nothing, defaults)
    text('name', name)
    having('storage', storage, 'incr')
    having('slots', options.slots, 'claim')
    having('clock', options.clock, 'now')
    callback('random', random)
    checkTimezone(timezone)
    if (coordinator !== undefined) checkLeadership(coordinator)
    if (storage !== undefined && options.slots !== undefined) {
      throw new OptionTypeError('slots', 'slots and storage exclude each other: give one of them')
    }
    this.#clock = clock
    this.#timezone = timezone
    this.#defaults = defaults
    this.#context = {
      clock,
      wall: wallOf(clock),
      random,
      events: this.#events,
      meter: metrics && new SchedulerMeter(metrics, this, name),
      slots: options.slots ?? (storage && slotKeeper(storage)),
      leadership: coordinator,
      tally: this.#tally,
      onCancel: (job) => this.#leave(job),
    }
  }

  /**
   * Runs `fn` every `period`: at start + period, start + 2 periods, and so on, without drift, by the monotonic clock. With a storage,
   * at the whole multiples of `period` since 1970, so that all processes have the same slots.
   */
  every(period: Duration | Period, fn: JobFunction, options: JobOptions = {}): ScheduledJob {
    checkJobOptions('every', options)
    const millis = periodMillis(period)
    const plan = (now: Millis) =>
      this.#context.slots === undefined ? everyPlan(millis, now, false) : everyPlan(millis, 0, true)
    return this.#add('every', `every ${millis / 1000} s`, plan, fn, options)
  }

  /**
   * Runs `fn` at the times of a cron expression: five fields, six with seconds first, seven with years last; names,
   * steps, `L`, `W`, `#`, and `@hourly` and the like.
   *
   * When clocks are put forward, a time that does not exist moves to the moment of the change. When they are put back, a time that
   * comes twice runs once, the first time; expressions with a wildcard, a step or a list in their time run each time.
   *
   * @throws OptionRangeError when the expression cannot be read
   */
  cron(expression: string, fn: JobFunction, options: JobOptions = {}): ScheduledJob {
    checkJobOptions('cron', options)
    const plan = cronPlan(expression, options.timezone ?? this.#timezone)
    return this.#add('cron', expression, () => plan, fn, options)
  }

  /**
   * Runs `fn` once, at `date`. The job stays listed until it is cancelled. A date before the start is a missed slot: it runs at the
   * start (`misfire: 'once'`), unless the storage knows that it was run.
   */
  at(date: Date, fn: JobFunction, options: JobOptions = {}): ScheduledJob {
    checkJobOptions('at', options)
    const time = checkDate('date', date)
    return this.#add('at', date.toISOString(), () => atPlan(time), fn, options)
  }

  /** All jobs, with their last and next runs. */
  listJobs(): JobInfo[] {
    return [...this.#jobs.values()].map((job) => job.info())
  }

  /**
   * Runs a job now, in this process, besides its slots, even when another process leads: for an operator. The run counts in the
   * statistics, and not for `maxRuns`.
   *
   * @returns false when there is no job of that name, or when `overlap` allows no more runs at once
   * @throws ClosedError while the scheduler stops
   */
  run(name: string): boolean {
    if (this.#shutdown !== undefined) throw new ClosedError('the scheduler')
    return this.#jobs.get(string('name', name))?.runNow() ?? false
  }

  /**
   * The future slots of a job until `end`. Empty before the start; with a storage, empty until the storage has told the last slot.
   *
   * @param most how many at most. @default 1000
   */
  upcoming(name: string, end: Date, most = 1000): Date[] {
    checkDate('end', end)
    integer('most', most, 1)
    return this.#jobs.get(string('name', name))?.upcoming(end, most) ?? []
  }

  /** Begins to run jobs. A second call does nothing. @throws ClosedError while the scheduler stops */
  start(): this {
    if (this.#shutdown !== undefined) throw new ClosedError('the scheduler')
    if (this.#started) return this
    this.#started = true
    this.#campaign = this.#context.leadership?.campaign?.()
    for (const job of this.#jobs.values()) job.start()
    return this
  }

  /**
   * Starts no more runs, waits for the current runs, and reports which runs ended and which did not. A stopped scheduler may be started
   * again. A job that awaits `stop` must give a `deadline`: without one it would wait for itself.
   *
   * A second call while it stops may bring an earlier deadline. All calls get the same report.
   */
  stop(options: SchedulerStopOptions = {}): Promise<SchedulerStopReport> {
    try {
      known('scheduler.stop', options, SCHEDULER_STOP_OPTIONS)
      const { mode = 'drain', deadline, grace } = options
      oneOf('mode', mode, ['drain', 'drop'])
      const patience =
        deadline === undefined ? (mode === 'drain' ? Infinity : 0) : toMillis('deadline', deadline)
      const graceMillis = grace === undefined ? undefined : toMillis('grace', grace)
      this.#shutdown ??= this.#beginShutdown()
      this.#shutdown.hurry(patience, graceMillis)
      return this.#shutdown.report
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Calls `listener` on each event. @returns a function that ends this */
  on<Name extends keyof SchedulerEvents>(
    event: Name,
    listener: Listener<SchedulerEvents[Name]>,
  ): () => void {
    return this.#events.on(event, listener)
  }

  #add(
    kind: JobInfo['kind'],
    schedule: string,
    plan: (now: Millis) => Plan,
    fn: JobFunction,
    options: JobOptions,
  ): ScheduledJob {
    const timezone = kind === 'cron' ? (options.timezone ?? this.#timezone) : undefined
    const settings = { ...jobSettings(fn, { ...this.#defaults, ...options }), timezone }
    this.#checkTogether(settings)
    const name = this.#nameFor(options.name, fn.name || schedule)
    const job = new Job(name, kind, schedule, plan, settings, this.#context)
    this.#jobs.set(name, job)
    if (this.#started) job.start()
    return job
  }

  /** Checks the options of a job that depend on options of the scheduler. */
  #checkTogether({ runAtStart, maxRuns, leadership }: JobSettings): void {
    const { slots } = this.#context
    if (runAtStart && (leadership ?? this.#context.leadership) !== undefined) {
      throw new OptionTypeError(
        'runAtStart',
        'runAtStart and coordinator exclude each other: there is no leader at the start. With storage, one process runs it for all',
      )
    }
    if (maxRuns !== undefined && slots !== undefined && slots.runs === undefined) {
      throw new OptionTypeError('maxRuns', 'maxRuns needs slots that count runs (slots.runs)')
    }
  }

  #nameFor(given: string | undefined, own: string): string {
    if (given !== undefined && this.#jobs.has(given)) {
      throw new OptionRangeError('name', `name must be unique, and there is a job ${quoted(given)}`)
    }
    let name = given ?? own
    for (let n = 2; this.#jobs.has(name); n++) name = `${own} (${n})`
    return name
  }

  #leave(cancelled: ScheduledJob): void {
    const job = this.#jobs.get(cancelled.name)
    // Another job may have this name now.
    if (job === undefined || job !== cancelled) return
    this.#jobs.delete(job.name)
    this.#leaving.add(job)
    this.#forgetLeft()
  }

  #forgetLeft(): void {
    for (const job of this.#leaving) if (job.runs.size === 0) this.#leaving.delete(job)
  }

  #beginShutdown(): Shutdown {
    this.#started = false
    const shutdown = new Shutdown({
      clock: this.#clock,
      jobs: [...this.#jobs.values(), ...this.#leaving],
      campaign: this.#campaign,
      tally: this.#tally,
    })
    this.#campaign = undefined
    void shutdown.report.then(() => {
      this.#forgetLeft()
      this.#shutdown = undefined
    })
    return shutdown
  }
}

function checkJobOptions(verb: string, options: JobOptions): void {
  known(`scheduler.${verb}`, options, JOB_OPTIONS)
}

/** A date, as milliseconds since 1970. */
function checkDate(name: string, date: Date): Millis {
  must(date instanceof Date, name, 'be a Date', date)
  const time = date.getTime()
  if (Number.isNaN(time)) {
    throw new OptionRangeError(name, `${name} must be a valid Date, got ${String(date)}`)
  }
  return time
}

/** The date by `clock`. For a clock without a date: the date now, which goes on with that clock. */
function wallOf(clock: Clock): () => Millis {
  if (clock.wall !== undefined) return () => clock.wall?.() as Millis
  const offset = Date.now() - clock.now()
  return () => clock.now() + offset
}

function nothing(): void {}
