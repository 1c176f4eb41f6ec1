import type { Millis } from '../../core/duration.ts'
import { ClosedError, isAioFluxError } from '../../core/errors.ts'
import type { LeaseClock, Moment } from '../../core/lease-clock.ts'
import type { QueueLink } from './queue-link.ts'

/** What one trip carries at most. */
const MOST = 256
/** The pauses between trips that fail: doubled from the first, up to the second, with jitter. */
const FIRST_PAUSE: Millis = 50
const LONGEST_PAUSE: Millis = 2000

/** One claimed job as Redis tells it: its token, its record, and what is known of earlier claims. */
export interface Taken {
  readonly token: string
  readonly record: string
  readonly before: string
}

interface Want {
  readonly max: number
  readonly lease: Millis
  readonly resolve: (claimed: { taken: Taken[]; sent: Moment }) => void
  readonly reject: (error: unknown) => void
}

/** A claim that ends. `kind`: c completed, f failed, t to be tried again, l released. */
export interface End {
  readonly token: string
  readonly kind: 'c' | 'f' | 't' | 'l'
  readonly delay: Millis
  /** The outcome of a completed one, or the failure. */
  readonly text: string
  /** Nobody else can have the job before. */
  readonly until: Moment | undefined
}

interface Ending extends End {
  /** Was it sent, and no answer came? */
  sent: boolean
  readonly resolve: (kept: boolean) => void
  readonly reject: (error: unknown) => void
}

interface Renewal {
  readonly token: string
  readonly lease: Millis
  readonly until: Moment | undefined
  readonly resolve: (sent: Moment | undefined) => void
}

export interface StepHooks {
  readonly clock: LeaseClock
  readonly resultTtl: Millis
  readonly idTtl: Millis
  /** A renewed claim is not wanted any more. */
  cancelled(token: string, reason: string): void
  /** A claim came back short: look again after that long at the latest. */
  short(look: Millis | undefined): void
  full(): void
}

/**
 * All that workers ask of a queue, in one trip at a time: what was asked in one turn of the event loop, or while a trip was under
 * way, travels together.
 *
 * Ends and renewals are sent again until they arrive: an end as long as the store is open, a renewal while it can help. What
 * was claimed in a trip whose answer was lost comes back when its lease ends.
 */
export class Steps {
  readonly #link: QueueLink
  readonly #hooks: StepHooks
  #wants: Want[] = []
  /** The claims that are being ended: each is once. */
  readonly #ending = new Set<string>()
  #ends: Ending[] = []
  #renewals: Renewal[] = []
  #scheduled = false
  #busy = false
  #failures = 0
  #pause: NodeJS.Timeout | undefined
  #closed = false
  #idle: (() => void)[] = []

  constructor(link: QueueLink, hooks: StepHooks) {
    this.#link = link
    this.#hooks = hooks
  }

  /** Resolves with what was claimed, and when it was asked for. */
  claim(max: number, lease: Millis): Promise<{ taken: Taken[]; sent: Moment }> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      this.#wants.push({ max, lease, resolve, reject })
      this.#schedule()
    })
  }

  end(end: End): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      const { token, kind, delay, text, until } = end
      if (this.#ending.has(token)) return resolve(false)
      this.#ending.add(token)
      this.#ends.push({ token, kind, delay, text, until, sent: false, resolve, reject })
      this.#schedule()
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

  /** Sends what is waiting to be sent, once, and lets go of what cannot be. */
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
    if (this.#busy || this.#scheduled) await new Promise<void>((idle) => this.#idle.push(idle))
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError('the store of the queue')
  }

  #schedule(): void {
    if (this.#scheduled || this.#busy || this.#pause !== undefined) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#go()
    })
  }

  async #go(): Promise<void> {
    this.#busy = true
    const wants = this.#wants
    this.#wants = []
    const ends = this.#ends.splice(0, MOST)
    const renewals = this.#renewals.splice(0, MOST)
    let want = 0
    let lease = 0
    for (const one of wants) {
      want += one.max
      lease = Math.max(lease, one.lease)
    }
    for (const one of renewals) lease = Math.max(lease, one.lease)
    want = Math.min(want, MOST)
    const done: Ending[] = []
    const others: Ending[] = []
    for (const one of ends) (one.kind === 'c' ? done : others).push(one)
    const sent = this.#hooks.clock.moment()
    try {
      const args = argumentsOf(want, lease, this.#hooks.idTtl, done, others, renewals)
      const reply = await this.#link.run('step', this.#hooks.resultTtl, args)
      this.#failures = 0
      this.#settle(reply as Reply, sent, wants, want, [...done, ...others], renewals)
    } catch (error) {
      this.#failed(error, wants, ends, renewals)
    }
    this.#busy = false
    if (this.#closed && (this.#failures > 0 || !this.#pending)) this.#letGo()
    else if (this.#pause === undefined && this.#pending) this.#schedule()
  }

  get #pending(): boolean {
    return this.#wants.length + this.#ends.length + this.#renewals.length > 0
  }

  #settle(
    [, look, late, lost, calledOff, jobs, before]: Reply,
    sent: Moment,
    wants: Want[],
    want: number,
    ends: Ending[],
    renewals: Renewal[],
  ): void {
    const tooLate = new Set(late)
    for (const [i, end] of ends.entries()) {
      this.#ending.delete(end.token)
      // One that was sent before may have arrived then: while nobody else can have the job, it did.
      const arrived = end.sent && end.until !== undefined && this.#hooks.clock.isBefore(end.until)
      end.resolve(!tooLate.has(i) || arrived)
    }
    const gone = new Set(lost)
    for (const [i, renewal] of renewals.entries()) renewal.resolve(gone.has(i) ? undefined : sent)
    for (let i = 0; i < calledOff.length; i += 2) {
      const renewal = renewals[calledOff[i] as number] as Renewal
      this.#hooks.cancelled(renewal.token, calledOff[i + 1] as string)
    }
    if (wants.length === 0) return
    let at = 0
    for (const { max, resolve } of wants) {
      const taken: Taken[] = []
      for (; taken.length < max && at < jobs.length; at += 2) {
        const token = jobs[at] as string
        const record = jobs[at + 1] as string
        taken.push({ token, record, before: before[at / 2] ?? '' })
      }
      resolve({ taken, sent })
    }
    if (jobs.length < 2 * want) this.#hooks.short(look < 0 ? undefined : look)
    else this.#hooks.full()
  }

  #failed(error: unknown, wants: Want[], ends: Ending[], renewals: Renewal[]): void {
    if (!isAioFluxError(error, 'STORAGE_DOWN')) {
      for (const { reject } of [...wants, ...ends]) reject(error)
      for (const { token } of ends) this.#ending.delete(token)
      for (const { resolve } of renewals) resolve(undefined)
      return
    }
    // Claimers ask again: the store tells them when.
    for (const { resolve } of wants) resolve(nothing(this.#hooks.clock))
    if (wants.length > 0) this.#hooks.short(undefined)
    for (const end of ends) end.sent = true
    this.#ends = [...ends, ...this.#ends]
    for (const renewal of renewals) {
      if (renewal.until !== undefined && !this.#hooks.clock.isBefore(renewal.until)) {
        renewal.resolve(undefined)
      } else this.#renewals.push(renewal)
    }
    this.#failures += 1
    if (this.#closed) return
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
    for (const { reject } of this.#ends) reject(new ClosedError('the store of the queue'))
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

/** What the script answers: see lua/step.lua. */
type Reply = [
  now: number,
  look: number,
  late: number[],
  lost: number[],
  calledOff: (number | string)[],
  jobs: string[],
  before: string[],
]

function argumentsOf(
  want: number,
  lease: Millis,
  idTtl: Millis,
  done: Ending[],
  others: Ending[],
  renewals: Renewal[],
): string[] {
  const args = [String(want), String(lease), String(idTtl)]
  const told = done.some(({ text }) => text !== 'c')
  args.push(String(done.length), told ? '1' : '0')
  for (const { token } of done) args.push(token)
  if (told) for (const { text } of done) args.push(text)
  args.push(String(others.length))
  for (const { kind, token, delay, text } of others) args.push(kind, token, String(delay), text)
  args.push(String(renewals.length))
  for (const { token } of renewals) args.push(token)
  return args
}
