import { at, type Cancel, type Clock, isDue } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { JobCancelledError } from '../../core/errors.ts'
import { macrotask } from '../../core/macrotask.ts'
import { processName } from '../../core/process-name.ts'
import type { Retry } from '../../resilience/retry.ts'
import { errorRecord, type JobErrorRecord } from '../store/job-record.ts'
import type { Claim, Ending, JobStore } from '../store/job-store.ts'
import { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'
import { ClaimedRecord } from './claimed-record.ts'
import { CALLS, FetchCredits, MOST } from './fetch-credits.ts'
import { HeldClaims, type HeldClaimsListener, lossOf } from './held-claims.ts'
import type { LimiterGate } from './limiter-gate.ts'
import { Quarantine } from './quarantine.ts'
import type { Source } from './source.ts'

/** A claim that waits longer than this for a worker is given back: another process may be idle. */
const STALE: Millis = 100

export interface ClaimBufferOptions {
  readonly clock: Clock
  readonly lease: Millis
  /** How long claims may wait here until a batch is full. */
  readonly fill: Millis
  /** How many jobs one worker takes at a time. */
  readonly batch: number
  /** What is asked before a claim, where the store does not ask it itself. */
  readonly gate: LimiterGate | undefined
  /** True when claims may be fetched before a worker is free for them. */
  readonly ahead: () => boolean
  /** Reads the `retry` that a job brings along. */
  readonly retryOf: (claim: Claim) => Retry | undefined
}

/** What a buffer tells. */
export interface ClaimBufferListener {
  /** Claims have arrived. */
  arrived(): void
  /** The claim of that job has ended, was given back or was lost. */
  ended(id: string): void
  /** The handler of that job tells how far it has come. */
  progressed(job: ClaimedRecord, value: unknown): void
  trouble(error: unknown): void
}

/**
 * Makes a source of a store that is elsewhere: fetches claims ahead, holds the leases of what waits here and of what runs, and
 * settles. A claim is held for as short as can be: what waits for a worker too long goes back to its place.
 */
export class ClaimBuffer implements Source, HeldClaimsListener {
  readonly #store: JobStore
  readonly #options: ClaimBufferOptions
  readonly #listener: ClaimBufferListener
  /** Claimed, and begun by no worker: the oldest first. */
  #waiting: { readonly claim: Claim; readonly since: Millis }[] = []
  readonly #held: HeldClaims
  readonly #credits = new FetchCredits()
  #attempts: Attempts | undefined
  #workers = 0
  #open = false
  /** Claims asked for and not answered yet, and in how many calls. */
  #wanted = 0
  #fetches = 0
  /** True where the store may have more than it gave. */
  #more = true
  /** How often news came that there may be something to claim. */
  #news = 0
  #staleness: Cancel | undefined
  readonly #quarantine: Quarantine

  constructor(store: JobStore, options: ClaimBufferOptions, listener: ClaimBufferListener) {
    this.#store = store
    this.#options = options
    this.#listener = listener
    this.#held = new HeldClaims(store, options.clock, options.lease, this)
    this.#quarantine = new Quarantine(options.clock, options.lease, () => {
      this.#listener.arrived()
      this.look()
    })
  }

  /** The list of the attempts that are made here. */
  connect(attempts: Attempts): void {
    this.#attempts = attempts
  }

  get ready(): number {
    if (this.#quarantine.closed) return this.#quarantine.mayBegin(this.#alone) ? 1 : 0
    return this.#waiting.length
  }

  get since(): Millis {
    return this.#quarantine.since ?? this.#waiting[0]?.since ?? this.#options.clock.now()
  }

  /** True when one claim is all that is held or on its way: a claim on its way dies with this process too. */
  get #alone(): boolean {
    return this.#held.size === 1 && this.#held.settling === 0 && this.#fetches === 0
  }

  /** Claims held, and settles under way. */
  get busy(): number {
    return this.#held.size + this.#held.settling
  }

  /** True when this process works on that job, or settles it: then the attempt tells its end. */
  has(id: string): boolean {
    return this.#held.has(id)
  }

  /** Fetches while workers may begin. What waits here when they may not any more goes back. */
  work(workers: number, open: boolean): void {
    this.#workers = workers
    this.#open = open
    if (!open || workers === 0) this.giveBack()
    if (open) this.look()
  }

  /** There may be something to claim. */
  look(): void {
    this.#news += 1
    this.#more = true
    this.#fetch()
  }

  /** Room is the business of the store. */
  begun(): void {}

  take(): Attempt | undefined {
    const { closed, pending } = this.#quarantine
    if (closed) {
      if (pending === undefined || !this.#quarantine.mayBegin(this.#alone)) return undefined
      this.#quarantine.begin()
      return this.#beginLimited(pending)
    }
    let next = this.#waiting.shift()
    // The event loop was blocked: another process may have the job.
    const { clock, lease, fill } = this.#options
    while (next !== undefined && clock.now() - next.since >= lease + fill) {
      this.#release(next.claim)
      next = this.#waiting.shift()
    }
    if (next === undefined) return undefined
    this.#fetch()
    return this.#beginLimited(next.claim)
  }

  /** Begins an attempt at a claim that the gate has let through. */
  #beginLimited(claim: Claim): Attempt {
    const attempt = this.begin(claim)
    attempt.permit = this.#options.gate?.permit()
    return attempt
  }

  /** The claims of one call that may be worked together; the others go back. A suspect is worked alone. */
  together(claims: Claim[]): Claim[] {
    const suspect = claims.find((claim) => claim.suspect)
    if (suspect === undefined || claims.length === 1) return claims
    for (const claim of claims) {
      if (claim !== suspect) this.#decline(claim)
    }
    return [suspect]
  }

  /** Begins an attempt at a claim, from here or made by hand. */
  begin(claim: Claim): Attempt {
    const job = new ClaimedRecord(claim, this.#options.retryOf(claim))
    const attempt = new Attempt(job, this.#options.clock.now())
    job.onProgress = (value) => {
      void Promise.resolve(this.#store.progress(claim, value)).catch(this.#trouble)
      this.#listener.progressed(job, value)
    }
    this.#held.begin(claim, attempt)
    return attempt
  }

  complete(attempt: Attempt, value: unknown): Promise<boolean> {
    this.#credits.took(this.#options.clock.now() - attempt.begunAt)
    return this.#settle(attempt, { outcome: 'completed', value })
  }

  retry(attempt: Attempt, delay: Millis, error: unknown): Promise<boolean> {
    return this.#settle(attempt, { outcome: 'retry', delay, error: failureHere(error) })
  }

  fail(attempt: Attempt, error: unknown): Promise<boolean> {
    return this.#settle(attempt, { outcome: 'failed', error: failureHere(error) })
  }

  release(attempt: Attempt, delay: Millis, punctual: boolean = false): Promise<boolean> {
    return this.#settle(attempt, { outcome: 'released', delay, punctual })
  }

  /** Another process cancelled a job that this one holds. */
  cancelled(id: string, delivery: number, given: unknown): void {
    const error = new JobCancelledError(id, given)
    const held = this.#held.find(id, delivery)
    if (held === undefined) return
    if (held.attempt !== undefined) {
      ;(held.attempt.job as ClaimedRecord).unwanted = { reason: given ?? error }
      held.attempt.abort(error)
      return
    }
    this.#waiting = this.#waiting.filter(({ claim }) => claim !== held.claim)
    this.#quarantine.ended(held.claim)
    this.#release(held.claim)
  }

  /** The claim of a job is lost. */
  lost(id: string, delivery: number): void {
    const held = this.#held.find(id, delivery)
    if (held === undefined) return
    this.#held.lose(id)
    this.#waiting = this.#waiting.filter(({ claim }) => claim !== held.claim)
    if (held.attempt !== undefined) this.#attempts?.lose(held.attempt, lossOf(held.claim))
    else this.#options.gate?.unused(1)
    this.#ended(held.claim)
  }

  /** A claim has ended: a suspect may be alone now, or was it. */
  #ended(claim: Claim): void {
    this.#listener.ended(claim.record.id)
    this.#quarantine.ended(claim)
    if (this.#quarantine.mayBegin(this.#alone)) this.#listener.arrived()
  }

  /** Told by the claims that are held. */
  settled(claim: Claim): void {
    this.#ended(claim)
    this.#fetch()
  }

  /** Told by the claims that are held. */
  trouble(error: unknown): void {
    this.#listener.trouble(error)
  }

  /** Holds all claims for another lease. */
  renew(): void {
    this.#held.renew()
  }

  /** Holds claims for longer whose answer was long under way. */
  renewIfLate(asked: Millis): void {
    this.#held.renewIfLate(asked)
  }

  /** Keeps the process alive, and the claims of this process held. */
  keepAlive(): void {
    this.#held.keepAlive()
  }

  /** What no worker has begun goes back to its place. */
  giveBack(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { claim } of waiting) {
      this.#release(claim)
    }
    const suspect = this.#quarantine.pending
    if (suspect === undefined) return
    this.#quarantine.close()
    this.#release(suspect)
  }

  close(): void {
    this.#open = false
    this.giveBack()
    this.#quarantine.close()
    this.#held.close()
    this.#staleness?.()
  }

  /** A second call goes out while the first is under way, so that neither the store nor the workers stand idle for the other. */
  #fetch(): void {
    if (!this.#open || !this.#more || this.#fetches === CALLS - 1 || this.#quarantine.closed) return
    const { batch, ahead } = this.#options
    const atOnce = this.#workers * batch
    const credits = this.#credits.next(atOnce, ahead(), this.#held.size + this.#wanted)
    // A trip carries many, or what a worker waits for: a batch that is not full.
    const enough = Math.min(MOST, atOnce) / 2
    if (credits < 1) return
    if (credits < enough && (this.#waiting.length >= batch || this.#fetches > 0)) return
    if (this.#options.gate !== undefined && this.#fetches > 0) return
    this.#fetches += 1
    this.#wanted += credits
    void this.#claim(credits)
      .catch((error: unknown) => {
        this.#more = false
        this.#listener.trouble(error)
      })
      .then(() => {
        if (this.#quarantine.mayBegin(this.#alone)) this.#listener.arrived()
        this.#fetch()
      })
  }

  async #claim(credits: number): Promise<void> {
    const { claims, asked } = await this.#ask(credits).finally(() => {
      this.#fetches -= 1
      this.#wanted -= credits
    })
    if (claims.length === 0) return
    if (this.#quarantine.closed) {
      this.#options.gate?.unused(claims.length)
      for (const claim of claims) this.#decline(claim)
      return
    }
    const since = this.#options.clock.now()
    const fit = this.together(claims)
    this.#options.gate?.unused(claims.length - fit.length)
    for (const claim of fit) {
      this.#held.hold(claim)
      this.#waiting.push({ claim, since })
    }
    if (!this.#open) return this.giveBack()
    this.renewIfLate(asked)
    if (fit[0]?.suspect) this.#isolate(fit[0])
    this.#watchStale()
    this.#fetch()
    // The next call is on its way before the first handler begins: the store works on it meanwhile. Clients write a turn later.
    if (this.#fetches > 0) macrotask(() => macrotask(() => this.#listener.arrived()))
    else this.#listener.arrived()
  }

  /** Asks the store, where the gate lets anything through. Answers when it was asked, too. */
  async #ask(credits: number): Promise<{ claims: Claim[]; asked: Millis }> {
    const { gate, clock, lease } = this.#options
    const want = gate === undefined ? credits : await gate.ask(Math.min(credits, this.#workers))
    const asked = clock.now()
    if (want === 0) return { claims: [], asked }
    const news = this.#news
    const claims = this.#open ? await this.#store.claim(want, lease) : []
    gate?.unused(want - claims.length)
    // What came meanwhile asks again.
    if (claims.length === want) this.#more = true
    else if (news === this.#news) this.#more = false
    return { claims, asked }
  }

  /** Nothing begins but this claim, when what runs has ended. */
  #isolate(claim: Claim): void {
    this.#waiting = this.#waiting.filter((one) => one.claim !== claim)
    this.giveBack()
    this.#quarantine.enter(claim)
  }

  #watchStale(): void {
    const [first] = this.#waiting
    if (first === undefined || this.#staleness !== undefined) return
    const { clock, fill } = this.#options
    const staleAt = ({ since }: { since: Millis }) => since + fill + STALE
    this.#staleness = at(clock, staleAt(first), () => {
      this.#staleness = undefined
      const now = clock.now()
      for (;;) {
        const [oldest] = this.#waiting
        // The same sum as the timer's: a moment that one of them takes for due and the other does not would set it again at once, and again.
        if (oldest === undefined || !isDue(staleAt(oldest), now)) break
        this.#waiting.shift()
        this.#credits.slow()
        this.#release(oldest.claim)
      }
      this.#watchStale()
    })
  }

  /** Gives a claim back that came when it could not be taken. */
  #decline(claim: Claim): void {
    this.#held.hold(claim)
    this.#end(claim, { outcome: 'released', delay: 0 }).catch(this.#trouble)
  }

  /** Gives a claim back that no worker has begun. */
  #release(claim: Claim): void {
    this.#options.gate?.unused(1)
    this.#end(claim, { outcome: 'released', delay: 0 }).catch(this.#trouble)
  }

  #settle(attempt: Attempt, ending: Ending): Promise<boolean> {
    return this.#end((attempt.job as ClaimedRecord).claim, ending, attempt)
  }

  /** @param attempt is told where its claim was lost */
  #end(claim: Claim, ending: Ending, attempt?: Attempt): Promise<boolean> {
    if (!this.#held.leave(claim)) {
      attempt?.abort(lossOf(claim))
      return Promise.resolve(false)
    }
    this.#fetch()
    return this.#held.settle(claim, ending, attempt)
  }

  readonly #trouble = (error: unknown): void => this.#listener.trouble(error)
}

/** An error with the process in which it happened: several work on one queue. */
function failureHere(error: unknown): JobErrorRecord {
  return { ...errorRecord(error), by: processName() }
}
