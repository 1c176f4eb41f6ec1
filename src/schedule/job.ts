import { drawn } from '../core/check.ts'
import { at, type Cancel } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { complain } from '../core/error-text.ts'
import { FleetSlots } from './fleet-slots.ts'
import type { JobContext } from './job-context.ts'
import type { JobSettings } from './job-settings.ts'
import { Outcomes } from './outcomes.ts'
import type { Plan } from './plan.ts'
import { Run, type RunSettings } from './run.ts'
import { RunLimit } from './run-limit.ts'
import type {
  JobInfo,
  RunRecord,
  ScheduledJob,
  SchedulerEvents,
  SkipReason,
} from './schedule-types.ts'
import { type Due, Timetable } from './timetable.ts'

/** How often a job that waits for a date reads the clock: the date may be set, and machines sleep. */
const LOOK_AGAIN: Millis = 30_000

interface Pending {
  readonly slot: Date
  readonly late: boolean
  /** True for the run at the start, which is not a slot of the plan. */
  readonly atStart?: boolean
}

/** One job: waits for its slots, decides which of them run, and follows the runs. */
export class Job implements ScheduledJob {
  readonly name: string
  readonly runs: Set<Run> = new Set()
  readonly #kind: JobInfo['kind']
  readonly #schedule: string
  readonly #makePlan: (now: Millis) => Plan
  readonly #settings: JobSettings
  readonly #context: JobContext
  readonly #runSettings: RunSettings
  readonly #outcomes: Outcomes
  /** Set with `maxRuns`. */
  readonly #limit: RunLimit | undefined
  /** Set with a storage: many processes share the slots. */
  readonly #fleet: FleetSlots | undefined
  #plan: Plan | undefined
  #timetable: Timetable | undefined
  #timer: Cancel | undefined
  #halted = false
  /** Slots whose jitter is not over. */
  readonly #jittered = new Map<Pending, Cancel>()
  /** The slot that is queued behind a run. */
  #waiting: Pending | undefined
  #skipped = 0
  #missed = 0

  constructor(
    name: string,
    kind: JobInfo['kind'],
    schedule: string,
    makePlan: (now: Millis) => Plan,
    settings: JobSettings,
    context: JobContext,
  ) {
    this.name = name
    this.#kind = kind
    this.#schedule = schedule
    this.#makePlan = makePlan
    this.#settings = settings
    this.#context = context
    context.meter?.followRunning<Job>(this)
    this.#outcomes = new Outcomes(name, context)
    const { fn, timeout, retry, maxRuns } = settings
    this.#limit = maxRuns === undefined ? undefined : new RunLimit(maxRuns, name, context.slots)
    this.#fleet = this.#fleetSlots()
    this.#runSettings = {
      name,
      fn,
      timeout,
      retry,
      clock: context.clock,
      onRetry: (...failure) => this.#outcomes.retried(...failure),
    }
  }

  /** Begins to wait for slots. */
  start(): void {
    this.#halted = false
    if (this.#fleet === undefined) return this.#begin(undefined)
    this.#fleet.begin()
    const still = this.#hold()
    Promise.all([this.#fleet.last(), this.#limit?.look()]).then(
      ([last]) => still() && this.#begin(last),
      (error: unknown) => {
        // A job that was halted in the meantime needs no answer, and its storage may be closed.
        if (!still()) return
        this.#report(error)
        this.#begin(undefined)
      },
    )
  }

  /** Stops waiting for slots. @returns due slots whose run had not begun */
  halt(): RunRecord[] {
    this.#halted = true
    this.#fleet?.end()
    return this.#expectNone().map(({ slot }) => ({ name: this.name, slot }))
  }

  /** Ends all timers. @returns due slots whose run had not begun */
  #expectNone(): Pending[] {
    this.#timer?.()
    this.#timer = undefined
    for (const cancel of this.#jittered.values()) cancel()
    const left = [...this.#jittered.keys()]
    this.#jittered.clear()
    if (this.#waiting !== undefined) left.push(this.#waiting)
    this.#waiting = undefined
    return left
  }

  cancel(): void {
    this.halt()
    this.#context.onCancel(this)
  }

  info(): JobInfo {
    return {
      name: this.name,
      kind: this.#kind,
      schedule: this.#schedule,
      nextRun: this.#nextRun(),
      lastRun: this.#outcomes.lastRun,
      lastError: this.#outcomes.lastError,
      running: this.runs.size,
      completed: this.#outcomes.completed,
      failed: this.#outcomes.failed,
      skipped: this.#skipped,
      missed: this.#missed,
      runsLeft: this.#limit?.left,
      overlap: this.#settings.room > 1 ? 'parallel' : this.#settings.whenBusy,
      timezone: this.#settings.timezone,
      recent: this.#outcomes.recent(this.runs),
    }
  }

  /** The future slots until `end`, at most `most`. Empty before the start, and after a halt. */
  upcoming(end: Date, most: number): Date[] {
    const slots: Date[] = []
    let next = this.#timer === undefined ? undefined : this.#timetable?.next
    const count = Math.min(most, this.#limit?.left ?? Infinity)
    while (next !== undefined && slots.length < count) {
      const slot = this.#date(next)
      if (slot > end) break
      slots.push(slot)
      next = this.#plan?.next(next)
    }
    return slots
  }

  /** Begins a run besides the slots. @returns false when `overlap` leaves no room for one */
  runNow(): boolean {
    if (!this.#hasRoom) return false
    const slot = new Date(this.#context.wall())
    this.#follow(new Run(this.#runSettings, slot, false), (run) => this.#outcomes.execute(run))
    return true
  }

  #nextRun(): Date | undefined {
    if (this.#halted) return undefined
    const { clock, wall } = this.#context
    if (this.#plan === undefined) {
      // Before the start. Slots that count from the start are not known yet.
      const plan = this.#makePlan(clock.now())
      const next = plan.dated ? plan.next(wall()) : undefined
      return next === undefined ? undefined : new Date(next)
    }
    const next = this.#timer === undefined ? undefined : this.#timetable?.next
    return next === undefined ? undefined : this.#date(next)
  }

  /** A slot as a date. */
  #date(slot: Millis): Date {
    if (this.#plan?.dated) return new Date(slot)
    return new Date(Math.round(this.#context.wall() + slot - this.#context.clock.now()))
  }

  /** Marks the job as waiting. The returned function is true until the job is halted or started anew. */
  #hold(): () => boolean {
    const mark: Cancel = () => {}
    this.#timer = mark
    return () => this.#timer === mark
  }

  #begin(last: Millis | undefined): void {
    const { clock, wall } = this.#context
    const { tolerance, catchUp } = this.#settings
    const plan = this.#makePlan(clock.now())
    // A job that is started again remembers its fired slots, if they are dates. Readings of the clock count from the new start.
    if (this.#timetable === undefined || !plan.dated) {
      this.#timetable = new Timetable(plan, tolerance, catchUp)
    }
    this.#plan = plan
    const now = plan.dated ? wall() : clock.now()
    this.#timetable.begin(now, last)
    if (this.#limit?.left === 0) {
      this.#timer = undefined
      return
    }
    this.#arm()
    const { next } = this.#timetable
    // A run that makes up for missed slots is also the run at the start.
    const madeUp = catchUp && next !== undefined && next <= now
    if (this.#settings.runAtStart && !madeUp) {
      this.#expect({ slot: this.#date(now), late: false, atStart: true })
    }
  }

  #now(): Millis {
    return this.#plan?.dated ? this.#context.wall() : this.#context.clock.now()
  }

  #arm(): void {
    const { clock } = this.#context
    const next = this.#timetable?.next
    if (next === undefined) {
      this.#timer = undefined
      return
    }
    const left = Math.max(0, next - this.#now())
    const delay = this.#plan?.dated ? Math.min(left, LOOK_AGAIN) : left
    this.#timer = at(clock, clock.now() + delay, () => this.#tick())
  }

  #tick(): void {
    const still = this.#hold()
    const due = this.#timetable?.due(this.#now())
    if (due !== undefined) this.#onDue(due)
    if (still()) this.#arm()
  }

  #onDue({ slot: time, first, missed, more, fire, late }: Due): void {
    const slot = this.#date(time)
    if (missed > 0)
      this.#misfire(slot, { first: this.#date(first), count: missed, more, run: fire })
    if (!fire) return
    this.#expect({ slot, late })
  }

  /** Runs a slot after its jitter. */
  #expect(pending: Pending): void {
    const jitter = this.#drawJitter()
    if (jitter === 0) return this.#come(pending)
    const cancel = at(this.#context.clock, this.#context.clock.now() + jitter, () => {
      this.#jittered.delete(pending)
      this.#come(pending)
    })
    this.#jittered.set(pending, cancel)
  }

  /** Slots were missed because there was no leader. */
  #onMissed(from: Millis, to: Millis, by: Run | undefined): void {
    const { last, count, more } = (this.#plan as Plan).span(from, to)
    const { tolerance, catchUp } = this.#settings
    const slot = by?.slot ?? this.#date(last)
    const late = this.#now() - slot.getTime() > tolerance
    const run = by !== undefined || !late || catchUp
    const missed = by !== undefined || late ? count : count - 1
    if (missed > 0) this.#misfire(slot, { first: this.#date(from), count: missed, more, run })
    if (by === undefined && run) this.#come({ slot, late })
  }

  #misfire(slot: Date, told: Omit<SchedulerEvents['misfire'], 'name' | 'slot'>): void {
    this.#missed += told.count
    this.#context.meter?.missed(this.name, told.count)
    this.#context.events.emit('misfire', { name: this.name, slot, ...told })
  }

  /** The random time between a slot and its run. */
  #drawJitter(): Millis {
    try {
      return this.#settings.jitter * drawn('random', this.#context.random)
    } catch (error) {
      // This runs in a timer: an error would end the process.
      this.#report(error)
      return 0
    }
  }

  #fleetSlots(): FleetSlots | undefined {
    const { slots } = this.#context
    if (slots === undefined) return undefined
    const job = {
      name: this.name,
      catchUp: this.#settings.catchUp,
      ready: () => this.#leads() && this.#hasRoom,
      leads: () => this.#leads(),
      next: (after: Millis) => this.#plan?.next(after),
      missed: (first: Millis, last: Millis, by: Run | undefined) => this.#onMissed(first, last, by),
      begin: (slot: Date, work: (run: Run) => Promise<void>) =>
        this.#follow(new Run(this.#runSettings, slot, true), work),
      limit: this.#limit,
      execute: (run: Run) => {
        if (this.#limit?.left === 0) this.#expectNone()
        return this.#outcomes.execute(run)
      },
      skip: (run: Run, reason: SkipReason) => this.#skip(run, reason),
      report: (error: unknown) => this.#report(error),
    }
    return new FleetSlots(job, slots, this.#context)
  }

  #leads(): boolean {
    return (this.#settings.leadership ?? this.#context.leadership)?.isLeader !== false
  }

  get #hasRoom(): boolean {
    return this.runs.size < this.#settings.room
  }

  /** A slot is due: runs it, skips it, or queues it. */
  #come(pending: Pending): void {
    if (!this.#leads()) {
      this.#fleet?.pass(pending.slot)
      return this.#skip(pending, 'not-leader')
    }
    if (this.#hasRoom) return this.#run(pending)
    switch (this.#settings.whenBusy) {
      case 'skip':
        return this.#skip(pending, 'overlap')
      case 'queue':
        if (this.#waiting !== undefined) return this.#skip(pending, 'overlap')
        this.#waiting = pending
        return
      case 'replace':
        if (this.#waiting !== undefined) this.#skip(this.#waiting, 'overlap')
        this.#waiting = pending
        for (const run of this.runs) run.abort(new DOMException('replaced', 'AbortError'))
    }
  }

  #run({ slot, late, atStart }: Pending): void {
    const fleet = this.#fleet
    if (fleet === undefined) {
      if (this.#limit?.begin() === false) return
      if (this.#limit?.left === 0) this.#expectNone()
    }
    this.#follow(new Run(this.#runSettings, slot, late), (run) => {
      if (fleet === undefined) return this.#outcomes.execute(run)
      return atStart ? fleet.runAtStart(run) : fleet.run(run)
    })
  }

  /** @param work does not reject */
  #follow(run: Run, work: (run: Run) => Promise<void>): void {
    this.runs.add(run)
    void work(run).then(() => {
      this.runs.delete(run)
      run.end()
      const next = this.#waiting
      if (next === undefined || !this.#hasRoom) return
      this.#waiting = undefined
      this.#run(next)
    })
  }

  #skip({ slot }: { readonly slot: Date }, reason: SkipReason): void {
    if (reason === 'max-runs') this.#expectNone()
    this.#skipped += 1
    if (reason === 'overlap') this.#outcomes.skipped()
    this.#context.meter?.skipped(this.name, reason)
    this.#context.events.emit('skipped', { name: this.name, slot, reason })
  }

  #report(error: unknown): void {
    if (this.#context.events.emit('error', { name: this.name, error })) return
    complain(`aioflux: job '${this.name}'`, error)
  }
}
