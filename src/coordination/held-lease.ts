import { isDue } from '../core/clock.ts'
import type { Duration, Millis } from '../core/duration.ts'
import { LeaseLostError } from '../core/errors.ts'
import type { Events } from '../core/events.ts'
import type { LeaseClock, Moment } from '../core/lease-clock.ts'
import { Renewal } from '../core/renewal.ts'
import type { RenewalTimer, Renewed } from '../core/renewal-timer.ts'
import type { CoordinatorEvents, Lease, LeaseRecord, LossReason } from './lease.ts'
import type { SharedLeases } from './shared-leases.ts'
import { safeEnd, timeTo, toTerm } from './term.ts'

/** What the leases of one coordinator share. */
export interface LeaseContext {
  readonly leases: SharedLeases
  readonly clock: LeaseClock
  readonly events: Events<CoordinatorEvents>
  /** Renews the leases that are held. */
  readonly renewals: RenewalTimer<HeldLease>
}

/** How a lease came about. */
export interface Grant {
  readonly names: readonly string[]
  readonly holder: string
  readonly term: Millis
  readonly renews: boolean
  /** When it was asked for the last time. */
  readonly asked: Moment
  readonly tokens: readonly number[]
}

/** Both clocks are read this many times in a term, because one of them may stand still or leap. */
const LOOKS = 10

/** A lease that is held, and how it is kept. */
export class HeldLease implements Lease, Renewed {
  readonly names: readonly string[]
  readonly token: number
  place = 0
  readonly #context: LeaseContext
  readonly #grant: Grant
  /** Made when it is first read: an AbortController costs more than the rest of a lease. */
  #controller: AbortController | undefined
  /** The reason with which the signal has aborted, or aborts once it is read. */
  #reason: unknown
  readonly #began: Millis
  #term: Millis
  #end: Moment
  #over = false
  #releasing: Promise<boolean> | undefined
  readonly #renewal: Renewal
  /** When both clocks are to be read next. */
  #look: Millis = 0
  /** Called when the lease is over. */
  #onOver: (() => void) | undefined

  constructor(context: LeaseContext, grant: Grant) {
    this.#context = context
    this.#grant = grant
    this.names = grant.names
    this.token = Math.max(...grant.tokens)
    this.#term = grant.term
    this.#renewal = new Renewal(grant.term, grant.asked.steady)
    this.#end = safeEnd(grant.asked, grant.term)
    const now = context.clock.moment()
    this.#began = now.steady
    context.leases.began(this.names)
    this.#lookAgain(now)
    context.renewals.add(this)
  }

  get due(): Millis {
    return this.#grant.renews ? Math.min(this.#renewal.due, this.#look) : this.#look
  }

  tend(now: Millis): void {
    if (!this.#check()) return
    if (isDue(this.#look, now)) this.#lookAgain(this.#context.clock.moment())
    if (this.#grant.renews && isDue(this.#renewal.due, now)) this.#renewByItself(now)
  }

  get tokens(): ReadonlyMap<string, number> {
    return new Map(this.names.map((name, i) => [name, this.#grant.tokens[i] as number]))
  }

  get signal(): AbortSignal {
    // After a stall the caller finds the signal aborted, although no timer has run yet.
    this.#check()
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  get held(): boolean {
    return this.#check()
  }

  get remaining(): number {
    return this.#check() ? timeTo(this.#end, this.#context.clock.moment()) / 1000 : 0
  }

  get record(): LeaseRecord {
    return { name: this.names.join(), token: this.token }
  }

  assertHeld(): void {
    if (!this.#check()) throw this.#loss('is not held any more')
  }

  async extend(ttl?: Duration): Promise<void> {
    const term = ttl === undefined ? this.#term : toTerm(ttl)
    this.assertHeld()
    await this.#renew(term)
    this.assertHeld()
    this.#term = term
  }

  release(): Promise<boolean> {
    this.#releasing ??= this.#release()
    return this.#releasing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release().then(() => {})
  }

  /** Asks the holder to stop, and keeps the lease until it is released. */
  abort(reason: Error): void {
    this.#reason ??= reason
    this.#controller?.abort(reason)
  }

  /** Calls `listener` when the lease is over: released, lost or closed. Only one listener is kept. */
  onOver(listener: () => void): void {
    this.#onOver = listener
  }

  /** True while the lease is held. When its time is over, it is lost now. */
  #check(): boolean {
    if (this.#over) return false
    if (this.#context.clock.isBefore(this.#end)) return true
    this.#lose('expired')
    return false
  }

  #lookAgain(now: Moment): void {
    const left = timeTo(this.#end, now)
    this.#look = now.steady + Math.min(left, Math.max(left / 2, this.#term / LOOKS))
  }

  #renewByItself(now: Millis): void {
    // When this renewal gets no answer, the next one is tried soon, until one is answered.
    this.#renewal.sending(now)
    this.#renew(this.#term).catch((error: unknown) => {
      if (!this.#over) this.#context.events.emit('error', { name: this.names.join(), error })
    })
  }

  /** @throws what the storage does when it cannot be asked */
  async #renew(term: Millis): Promise<void> {
    const { leases, clock, events } = this.#context
    const asked = clock.moment()
    const known = await leases.renew({ names: this.names, holder: this.#grant.holder, term })
    if (!this.#check()) return
    if (!known) return this.#lose('forgotten')
    // Answers may overtake each other.
    if (asked.steady >= this.#renewal.granted) {
      this.#renewal.answered(asked.steady, term)
      this.#end = safeEnd(asked, term)
      this.#lookAgain(clock.moment())
      this.#context.renewals.hurry(this.due)
    }
    if (events.heard) events.emit('renewed', this.record)
  }

  #lose(reason: LossReason): void {
    this.#stop()
    const why =
      reason === 'expired'
        ? 'could not be renewed in time'
        : 'is not known to the storage any more: it was lost there, or another holder has it'
    this.abort(this.#loss(why))
    const { leases, events } = this.#context
    if (events.heard) events.emit('lost', { ...this.record, seconds: this.#seconds, reason })
    this.#onOver?.()
    leases.lost(this.names)
  }

  #release(): Promise<boolean> {
    if (!this.#check()) return Promise.resolve(false)
    this.#stop()
    const { leases, events } = this.#context
    const { holder, tokens } = this.#grant
    leases.ended(this.names)
    if (events.heard) events.emit('released', { ...this.record, seconds: this.#seconds })
    this.#onOver?.()
    return leases.release(this.names, holder, tokens).catch((error: unknown) => {
      events.emit('error', { name: this.names.join(), error })
      return false
    })
  }

  #stop(): void {
    this.#over = true
    this.#context.renewals.delete(this)
  }

  get #seconds(): number {
    return (this.#context.clock.steady.now() - this.#began) / 1000
  }

  #loss(why: string): LeaseLostError {
    return new LeaseLostError(this.names.join(), this.token, why)
  }
}
