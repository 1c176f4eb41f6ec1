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
 * Runs jobs at their times: `every` so often, by `cron` expression, or `at` a date.
 *
 * A slot is run once, even when the date is set back. Slots that passed while the process was busy, suspended or
 * off are counted, told as a `misfire`, and made up for by one run (`misfire: 'once'`) or not (`'skip'`). What a job
 * throws is an event, `failed`; nothing it does can end the scheduler.
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
  /** Jobs that were cancelled while they ran. */
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
   * Runs `fn` every `period`: at start + period, start + 2 periods, and so on, without drift, by the monotonic clock.
   * Where slots are shared by a fleet, at the whole multiples of `period` since 1970 instead, so that all agree on them.
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
   * When clocks are put forward, a time that does not exist moves to the moment of the change; when they are put back, a
   * time that comes twice is run once, at the first; expressions with a wildcard, a step or a list in their time run at
   * each time that the clock shows.
   *
   * @throws OptionRangeError when the expression cannot be read
   */
  cron(expression: string, fn: JobFunction, options: JobOptions = {}): ScheduledJob {
    checkJobOptions('cron', options)
    const plan = cronPlan(expression, options.timezone ?? this.#timezone)
    return this.#add('cron', expression, () => plan, fn, options)
  }

  /**
   * Runs `fn` once, at `date`, and stays listed until it is cancelled. A date that has passed before the start was missed:
   * see `misfire`.
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
   * Runs a job now, in this process, beside its slots, even when another process leads: for an operator. The run counts like any
   * other.
   *
   * @returns false where there is no job of that name, or as many runs go on as `overlap` allows
   * @throws ClosedError while it stops
   */
  run(name: string): boolean {
    if (this.#shutdown !== undefined) throw new ClosedError('the scheduler')
    return this.#jobs.get(string('name', name))?.runNow() ?? false
  }

  /**
   * The slots of a job that are to come until `end`. Empty before the start, and over a storage until the storage has told the last slot.
   *
   * @param most how many at most. @default 1000
   */
  upcoming(name: string, end: Date, most = 1000): Date[] {
    checkDate('end', end)
    integer('most', most, 1)
    return this.#jobs.get(string('name', name))?.upcoming(end, most) ?? []
  }

  /** Begins to run jobs. Idempotent. */
  start(): this {
    if (this.#shutdown !== undefined) throw new ClosedError('the scheduler')
    if (this.#started) return this
    this.#started = true
    this.#campaign = this.#context.leadership?.campaign?.()
    for (const job of this.#jobs.values()) job.start()
    return this
  }

  /**
   * Begins no more runs, waits for the runs that have begun, and reports what was done and what was not. A scheduler that has stopped may be
   * started again. A job must not await it without a `deadline`: it would wait for itself.
   *
   * May be called again while it stops, with an earlier deadline, which then counts. All calls get the same report.
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

  /** Listens; returns the way to stop listening. */
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

  /** Options of a job that need something of the scheduler. */
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
    // Its name may be another job's by now.
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

/** The date by `clock`; a clock that knows none goes on from the date it was asked first. */
function wallOf(clock: Clock): () => Millis {
  if (clock.wall !== undefined) return () => clock.wall?.() as Millis
  const offset = Date.now() - clock.now()
  return () => clock.now() + offset
}

function nothing(): void {}
