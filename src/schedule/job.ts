import { at, type Cancel } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import type { JobSettings } from './job-settings.ts'
import type { Plan } from './plan.ts'
import { type Outcome, Run, type RunSettings } from './run.ts'
import type { JobInfo, RunRecord, ScheduledJob, SkipReason } from './schedule-types.ts'
import type { SlotKeeper } from './slot-keeper.ts'
import type { Surroundings } from './surroundings.ts'
import { type Due, Timetable } from './timetable.ts'

/** Dates may be set, and machines sleep: whoever waits for a date looks at it this often. */
const LOOK_AGAIN: Millis = 30_000

interface Pending {
  readonly slot: Date
  readonly late: boolean
}

/** One job: waits for its slots, decides which become runs, and watches over the runs. */
export class Job implements ScheduledJob {
  readonly name: string
  readonly runs: Set<Run> = new Set()
  readonly #kind: JobInfo['kind']
  readonly #schedule: string
  readonly #makePlan: (now: Millis) => Plan
  readonly #settings: JobSettings
  readonly #around: Surroundings
  readonly #runSettings: RunSettings
  #plan: Plan | undefined
  #timetable: Timetable | undefined
  #timer: Cancel | undefined
  /** Slots whose jitter is not over. */
  readonly #jittered = new Map<Pending, Cancel>()
  /** The slot that is queued behind a run. */
  #waiting: Pending | undefined
  #lastRun: Date | undefined
  #lastError: unknown
  #completed = 0
  #failed = 0
  #skipped = 0
  #missed = 0

  constructor(
    name: string,
    kind: JobInfo['kind'],
    schedule: string,
    makePlan: (now: Millis) => Plan,
    settings: JobSettings,
    around: Surroundings,
  ) {
    this.name = name
    this.#kind = kind
    this.#schedule = schedule
    this.#makePlan = makePlan
    this.#settings = settings
    this.#around = around
    around.meter?.followRunning<Job>(this)
    const { fn, timeout, retry } = settings
    this.#runSettings = {
      name,
      fn,
      timeout,
      retry,
      clock: around.clock,
      onRetry: (run, error, attempt, delay) => {
        this.#lastError = error
        around.events.emit('retry', { ...run.record, error, attempt, delay: delay / 1000 })
      },
    }
  }

  /** Begins to wait for slots. */
  start(): void {
    const { slots } = this.#around
    if (slots === undefined) return this.#begin(undefined)
    const still = this.#hold()
    slots.last(this.name).then(
      (last) => still() && this.#begin(last),
      (error: unknown) => {
        this.#report(error)
        if (still()) this.#begin(undefined)
      },
    )
  }

  /** Waits for no more slots; returns those that had come and not begun. */
  halt(): RunRecord[] {
    this.#timer?.()
    this.#timer = undefined
    for (const cancel of this.#jittered.values()) cancel()
    const left = [...this.#jittered.keys()]
    this.#jittered.clear()
    if (this.#waiting !== undefined) left.push(this.#waiting)
    this.#waiting = undefined
    return left.map(({ slot }) => ({ name: this.name, slot }))
  }

  cancel(): void {
    this.halt()
    this.#around.onCancel(this)
  }

  info(): JobInfo {
    return {
      name: this.name,
      kind: this.#kind,
      schedule: this.#schedule,
      nextRun: this.#nextRun(),
      lastRun: this.#lastRun,
      lastError: this.#lastError,
      running: this.runs.size,
      completed: this.#completed,
      failed: this.#failed,
      skipped: this.#skipped,
      missed: this.#missed,
    }
  }

  #nextRun(): Date | undefined {
    const next = this.#timer === undefined ? undefined : this.#timetable?.next
    return next === undefined ? undefined : this.#date(next)
  }

  /** A slot as a date. */
  #date(slot: Millis): Date {
    if (this.#plan?.dated) return new Date(slot)
    return new Date(Math.round(this.#around.wall() + slot - this.#around.clock.now()))
  }

  /** Marks the job as waiting; the function says whether it still is, and nobody has halted or begun it anew. */
  #hold(): () => boolean {
    const mark: Cancel = () => {}
    this.#timer = mark
    return () => this.#timer === mark
  }

  #begin(last: Millis | undefined): void {
    const { clock, wall } = this.#around
    const { tolerance, catchUp } = this.#settings
    const plan = this.#makePlan(clock.now())
    // A job that is started again keeps in mind what it has fired, where that can be compared.
    if (this.#timetable === undefined || !plan.dated) {
      this.#timetable = new Timetable(plan, tolerance, catchUp)
    }
    this.#plan = plan
    this.#timetable.begin(plan.dated ? wall() : clock.now(), last)
    this.#arm()
  }

  #now(): Millis {
    return this.#plan?.dated ? this.#around.wall() : this.#around.clock.now()
  }

  #arm(): void {
    const { clock } = this.#around
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

  #onDue(due: Due): void {
    const { events } = this.#around
    const slot = this.#date(due.slot)
    if (due.missed > 0) {
      this.#missed += due.missed
      this.#around.meter?.missed(this.name, due.missed)
      const { missed: count, more, fire: run } = due
      const first = this.#date(due.first)
      events.emit('misfire', { name: this.name, slot, first, count, more, run })
    }
    if (!due.fire) return
    const pending: Pending = { slot, late: due.late }
    const jitter = this.#settings.jitter * this.#around.random()
    if (jitter === 0) return this.#come(pending)
    const { clock } = this.#around
    const cancel = at(clock, clock.now() + jitter, () => {
      this.#jittered.delete(pending)
      this.#come(pending)
    })
    this.#jittered.set(pending, cancel)
  }

  /** The time of a slot has come: run it, or not, or later. */
  #come(pending: Pending): void {
    const leadership = this.#settings.leadership ?? this.#around.leadership
    if (leadership?.isLeader === false) return this.#skip(pending, 'not-leader')
    if (this.runs.size < this.#settings.room) return this.#run(pending)
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

  #run(pending: Pending): void {
    const run = new Run(this.#runSettings, pending.slot, pending.late)
    this.runs.add(run)
    const { slots } = this.#around
    const work = slots === undefined ? this.#execute(run) : this.#claimed(run, slots)
    // Neither of them rejects.
    void work.then(() => {
      this.runs.delete(run)
      run.end()
      const next = this.#waiting
      if (next === undefined || this.runs.size >= this.#settings.room) return
      this.#waiting = undefined
      this.#run(next)
    })
  }

  /** Runs it if the slot is nobody else's. */
  async #claimed(run: Run, slots: SlotKeeper): Promise<void> {
    const slot = run.slot.getTime()
    if (this.#around.wall() - slot > slots.keeps) return this.#skip(run, 'forgotten')
    try {
      if (!(await slots.claim(this.name, slot))) return this.#skip(run, 'taken')
    } catch (error) {
      this.#report(error)
      return this.#skip(run, 'unknown')
    }
    // The scheduler may have lost patience while the storage was asked: the slot is taken, and nobody will run it.
    if (run.aborted) this.#around.events.emit('aborted', { ...run.record, error: undefined })
    else await this.#execute(run)
  }

  async #execute(run: Run): Promise<void> {
    const { clock, wall, events } = this.#around
    const began = clock.now()
    this.#lastRun = new Date(wall())
    if (events.heard) events.emit('started', { ...run.record, late: run.late })
    this.#end(run, await run.execute(), (clock.now() - began) / 1000)
  }

  #end(run: Run, outcome: Outcome, seconds: number): void {
    const { events, tally, meter } = this.#around
    meter?.ended(this.name, outcome.ok ? 'completed' : run.aborted ? 'aborted' : 'failed', seconds)
    if (outcome.ok) {
      this.#completed += 1
      tally.completed += 1
      this.#lastError = undefined
      if (events.heard) {
        events.emit('completed', { ...run.record, seconds, value: outcome.value })
      }
      return
    }
    const { error } = outcome
    if (run.aborted) {
      events.emit('aborted', { ...run.record, error })
      return
    }
    this.#failed += 1
    tally.failed += 1
    this.#lastError = error
    if (events.hears('failed')) {
      events.emit('failed', { ...run.record, seconds, error, attempts: run.attempts })
    } else {
      console.error(`aioflux: job '${this.name}' failed`, error)
    }
  }

  #skip({ slot }: { readonly slot: Date }, reason: SkipReason): void {
    this.#skipped += 1
    this.#around.meter?.skipped(this.name, reason)
    this.#around.events.emit('skipped', { name: this.name, slot, reason })
  }

  #report(error: unknown): void {
    const { events } = this.#around
    if (events.hears('error')) events.emit('error', { name: this.name, error })
    else console.error(`aioflux: job '${this.name}'`, error)
  }
}
