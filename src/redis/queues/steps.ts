import type { Millis } from '../../core/duration.ts'
import { ClosedError, isAioFluxError } from '../../core/errors.ts'
import type { LeaseClock, Moment } from '../../core/lease-clock.ts'
import type { QueueLink } from './queue-link.ts'
import { type StepReply, stepReply } from './replies.ts'
import {
  answer,
  argumentsOf,
  type End,
  type EndCall,
  type Ending,
  type Renewal,
  type Taken,
} from './step-script.ts'
import { MOST_TEXT, TripSize } from './trip-size.ts'

/** The most jobs, ends or renewals that one trip carries. */
const MOST = 256
/** With this many ends and claims, a second trip is sent while the first is under way. */
const WORTH_A_TRIP = 32
/** The pauses between trips that fail: they double from FIRST_PAUSE to LONGEST_PAUSE, with jitter. */
const FIRST_PAUSE: Millis = 50
const LONGEST_PAUSE: Millis = 2000

interface Want {
  readonly max: number
  readonly lease: Millis
  readonly resolve: (claimed: { taken: Taken[]; sent: Moment }) => void
  readonly reject: (error: unknown) => void
}

export interface StepHooks {
  readonly clock: LeaseClock
  readonly resultTtl: Millis
  readonly idTtl: Millis
  /** The job of a renewed claim is cancelled. */
  cancelled(token: string, reason: string): void
  /** Fewer jobs were claimed than wanted: look again after `look` milliseconds at the latest. */
  short(look: Millis | undefined): void
  full(): void
}

/**
 * All that workers ask of a queue, in few trips: what was asked in one turn of the event loop, or while a trip was under way,
 * travels together. A second trip goes out before the first is answered only where it carries much: the server works on the one
 * while this process works on what the other brought.
 *
 * Ends and renewals are sent again until they arrive: an end as long as the store is open, a renewal until its lease is over. Jobs
 * that were claimed in a trip without an answer come back when their leases end, or go back when the answer comes after all.
 */
export class Steps {
  readonly #link: QueueLink
  readonly #hooks: StepHooks
  readonly #size = new TripSize()
  #wants: Want[] = []
  /** The claims whose end is under way: a claim is ended once. */
  readonly #ending = new Set<string>()
  #ends: Ending[] = []
  #renewals: Renewal[] = []
  #scheduled = false
  /** How many trips have no answer yet. */
  #trips = 0
  #failures = 0
  #pause: NodeJS.Timeout | undefined
  #closed = false
  #idle: (() => void)[] = []

  constructor(link: QueueLink, hooks: StepHooks) {
    this.#link = link
    this.#hooks = hooks
  }

  /** Resolves with the claimed jobs, and the moment when the trip was sent. */
  claim(max: number, lease: Millis): Promise<{ taken: Taken[]; sent: Moment }> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      this.#wants.push({ max, lease, resolve, reject })
      this.#schedule()
    })
  }

  /** Resolves when all claims have ended; `false` for each end that came too late. */
  end(ends: readonly End[]): Promise<boolean[]> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      const call: EndCall = { kept: ends.map(() => false), left: ends.length, resolve, reject }
      for (const [index, end] of ends.entries()) {
        if (this.#ending.has(end.token)) {
          answer(call, index, false)
          continue
        }
        this.#ending.add(end.token)
        this.#ends.push({ end, call, index, sent: false })
      }
      if (ends.length === 0) resolve([])
      else this.#schedule()
    })
  }

  /** Resolves with the moment from which on the claim is held for another lease; `undefined` where it is lost. */
  renew(token: string, lease: Millis, until: Moment | undefined): Promise<Moment | undefined> {
    return new Promise((resolve) => {
      this.#checkOpen()
      this.#renewals.push({ token, lease, until, resolve })
      this.#schedule()
    })
  }

  /** Sends once what still waits, and gives up the rest. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const { resolve } of this.#wants) resolve(nothing(this.#hooks.clock))
    this.#wants = []
    if (this.#pause !== undefined) {
      clearTimeout(this.#pause)
      this.#pause = undefined
      this.#letGo()
      return
    }
    if (this.#trips > 0 || this.#scheduled) await new Promise<void>((idle) => this.#idle.push(idle))
  }

  #checkOpen(): void {
    if (this.#closed) throw this.#closedError()
  }

  #closedError(): ClosedError {
    return new ClosedError(`queue '${this.#link.name}' of this process`)
  }

  #schedule(): void {
    if (this.#scheduled || this.#pause !== undefined) return
    if (this.#trips > 0 && (this.#trips > 1 || this.#load < WORTH_A_TRIP)) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#go()
    })
  }

  async #go(): Promise<void> {
    this.#trips += 1
    const ends = this.#nextEnds()
    // Large results go first: claims of jobs that are done would be lost while others are taken and done.
    const wants = ends.length < MOST && this.#ends.length > 0 ? [] : this.#nextWants()
    const renewals = this.#renewals.splice(0, MOST)
    let want = 0
    let lease = 0
    for (const one of wants) {
      want += one.max
      lease = Math.max(lease, one.lease)
    }
    for (const one of renewals) lease = Math.max(lease, one.lease)
    want = this.#size.fit(Math.min(want, MOST))
    const done: Ending[] = []
    const others: Ending[] = []
    for (const one of ends) (one.end.kind === 'c' ? done : others).push(one)
    const sent = this.#hooks.clock.moment()
    try {
      const args = argumentsOf(want, lease, this.#hooks.idTtl, done, others, renewals)
      const read = (reply: unknown): StepReply => stepReply(reply, want, renewals.length)
      const { resultTtl } = this.#hooks
      const reply = await this.#link.run('step', resultTtl, args, read, (late) =>
        this.#decline(late),
      )
      this.#failures = 0
      this.#settle(reply, sent, wants, want, [...done, ...others], renewals)
    } catch (error) {
      this.#failed(error, wants, ends, renewals)
    }
    this.#trips -= 1
    if (this.#closed && this.#trips === 0 && (this.#failures > 0 || !this.#pending)) this.#letGo()
    else if (this.#pause === undefined && this.#pending) this.#schedule()
  }

  get #pending(): boolean {
    return this.#wants.length + this.#ends.length + this.#renewals.length > 0
  }

  /** As many claims as one trip can serve in full, so that none gets fewer jobs than there are; the other claims take the next trip. */
  #nextWants(): Want[] {
    const most = this.#size.fit(MOST)
    let count = 0
    let sum = 0
    for (const { max } of this.#wants) {
      sum += max
      if (count > 0 && sum > most) break
      count += 1
    }
    return this.#wants.splice(0, count)
  }

  /** As many ends as one trip carries: fewer where their results are large. */
  #nextEnds(): Ending[] {
    let count = 0
    let text = 0
    for (const { end } of this.#ends) {
      text += end.text.length
      if (count === MOST || (count > 0 && text > MOST_TEXT)) break
      count += 1
    }
    return this.#ends.splice(0, count)
  }

  /** How many ends and claims wait to be sent. */
  get #load(): number {
    let load = this.#ends.length
    for (const { max } of this.#wants) load += max
    return load
  }

  #settle(
    { look, late, lost, calledOff, jobs, before }: StepReply,
    sent: Moment,
    wants: Want[],
    want: number,
    ends: Ending[],
    renewals: Renewal[],
  ): void {
    const tooLate = new Set(late)
    for (const [i, { end, call, index, sent }] of ends.entries()) {
      this.#ending.delete(end.token)
      // An end that is sent again may have arrived the first time. While the lease holds no other process can have the job, so it did.
      const arrived = sent && end.until !== undefined && this.#hooks.clock.isBefore(end.until)
      answer(call, index, arrived || !tooLate.has(i))
    }
    const gone = new Set(lost)
    for (const [i, renewal] of renewals.entries()) renewal.resolve(gone.has(i) ? undefined : sent)
    for (const { index, reason } of calledOff) {
      this.#hooks.cancelled((renewals[index] as Renewal).token, reason)
    }
    if (wants.length === 0) return
    let at = 0
    let asked = 0
    let text = 0
    for (const { max, resolve } of wants) {
      asked += max
      const taken: Taken[] = []
      for (; taken.length < max && at < jobs.length; at += 2) {
        const token = jobs[at] as string
        const record = jobs[at + 1] as string
        text += record.length
        taken.push({ token, record, before: before[at / 2] ?? '' })
      }
      resolve({ taken, sent })
    }
    if (at > 0) this.#size.brought(at / 2, text)
    if (jobs.length < 2 * want) this.#hooks.short(look < 0 ? undefined : look)
    // Large jobs take several trips: there may be more of them now.
    else if (want < asked) this.#hooks.short(0)
    else this.#hooks.full()
  }

  /** A trip was answered after its claims had given up: what it brought goes back now, and not when its leases end. */
  #decline({ jobs }: StepReply): void {
    if (this.#closed) return
    const tokens = jobs.filter((_, i) => i % 2 === 0)
    const back = { kind: 'r', delay: 0, text: '', until: undefined } as const
    this.end(tokens.map((token) => ({ token, ...back }))).catch(() => {})
  }

  #failed(error: unknown, wants: Want[], ends: Ending[], renewals: Renewal[]): void {
    if (!isAioFluxError(error, 'STORAGE_DOWN')) {
      for (const { reject } of wants) reject(error)
      for (const { end, call } of ends) {
        this.#ending.delete(end.token)
        call.reject(error)
      }
      for (const { resolve } of renewals) resolve(undefined)
      return
    }
    // Claims get no jobs; the store tells its workers when to ask again.
    for (const { resolve } of wants) resolve(nothing(this.#hooks.clock))
    if (wants.length > 0) {
      this.#size.failed()
      this.#hooks.short(undefined)
    }
    for (const one of ends) one.sent = true
    this.#ends = [...ends, ...this.#ends]
    for (const renewal of renewals) {
      if (renewal.until !== undefined && !this.#hooks.clock.isBefore(renewal.until)) {
        renewal.resolve(undefined)
      } else this.#renewals.push(renewal)
    }
    this.#failures += 1
    // Another trip that failed has set the pause already.
    if (this.#closed || this.#pause !== undefined) return
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.#failures - 1))
    this.#pause = setTimeout(
      () => {
        this.#pause = undefined
        if (this.#pending) this.#schedule()
      },
      pause * (0.5 + Math.random() / 2),
    )
    if (ends.length + renewals.length === 0) this.#pause.unref()
  }

  #letGo(): void {
    for (const { resolve } of this.#wants) resolve(nothing(this.#hooks.clock))
    for (const { call } of this.#ends) call.reject(this.#closedError())
    for (const { resolve } of this.#renewals) resolve(undefined)
    this.#wants = []
    this.#ends = []
    this.#renewals = []
    for (const idle of this.#idle) idle()
  }
}

function nothing(clock: LeaseClock): { taken: Taken[]; sent: Moment } {
  return { taken: [], sent: clock.moment() }
}
