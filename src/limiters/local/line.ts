import { at, type Cancel, type Clock, isDue } from '../../core/clock.ts'
import type { Micros, Millis } from '../../core/duration.ts'
import { describe, WaitTimeoutError } from '../../core/errors.ts'
import { onAbort } from '../../core/on-abort.ts'
import type { Terms } from '../calls/terms.ts'
import { seconds } from '../decision-of.ts'

/** The limit that the callers of a line wait for. */
export interface WaitedLimit {
  /** As `Rule.reserve`: `>= 0` is yours, act after that long; `< 0` ask again after that long, or when woken. */
  take(key: string, cost: number, maxWait: Micros, terms?: Terms): Micros
  giveBack(key: string, cost: number, terms?: Terms): void
  /** @internal What a call brought, by the numbers that the limit has now. Declarations must agree without it. */
  anew(key: string, terms: Terms | undefined): Terms | undefined
  /** How long it would take behind `ahead`; `-Infinity` where no time can be told. */
  forecast(key: string, ahead: number, cost: number, terms?: Terms): Micros
  /** @internal True where the limit is large enough for the call as it is now; with `ahead`, where it may be reserved ahead. */
  fits(cost: number, ahead: boolean, terms: Terms | undefined): boolean
}

/** The owner of lines: counts the callers that wait, and hears when a line is empty. */
export interface LineOwner {
  count: number
  /** @internal As in the class: declarations must agree without it. */
  over(key: string, line: object): void
}

/** A caller that waits. A link of the line, so that leaving from the middle costs the same anywhere. */
export interface Waiter {
  readonly cost: number
  /** What the call brought beside its cost. */
  terms: Terms | undefined
  /** The latest moment, by the clock of the line; `Infinity` for no end. */
  readonly deadline: Millis
  readonly grant: () => void
  readonly refuse: (reason: unknown) => void
  /** Called when it waits beside the line, because the limit is too small for it now. */
  readonly aside: (() => void) | undefined
  /** Ends the timer and the listener that could end the wait. */
  forgetCalls: (() => void) | undefined
  before: Waiter | undefined
  behind: Waiter | undefined
}

/** The callers that wait for one key and may fill the same share of its limit: first come, first served. */
export class Line {
  readonly share: number
  readonly #owner: LineOwner
  readonly #limit: WaitedLimit
  readonly #clock: Clock
  readonly #key: string
  #head: Waiter | undefined
  #tail: Waiter | undefined
  /** Callers whose cost is above the present limit: no other caller waits behind them. They are the first again when the limit has changed. */
  readonly #aside = new Set<Waiter>()
  /** The costs of all callers in line together, without the part that is reserved for the head. */
  #wanted = 0
  /** When the head's reservation comes due, or `undefined` while it has none. */
  #due: Millis | undefined
  #cancelTimer: Cancel = () => {}

  constructor(owner: LineOwner, limit: WaitedLimit, clock: Clock, key: string, share: number) {
    this.share = share
    this.#owner = owner
    this.#limit = limit
    this.#clock = clock
    this.#key = key
  }

  /** True where a caller waits that goes before any new call. */
  get busy(): boolean {
    return this.#head !== undefined
  }

  /** The error for a caller whose deadline is too early for this line; `undefined` where it may join. */
  refusal(cost: number, deadline: Millis, terms: Terms | undefined): WaitTimeoutError | undefined {
    if (deadline === Infinity) return undefined
    const forecast = this.#limit.forecast(this.#key, this.#wanted, cost, terms)
    const late = this.#clock.now() + forecast / 1000 > deadline
    return late ? this.#timedOut('cannot', forecast) : undefined
  }

  /** @param signal ends the wait, as the deadline does */
  join(waiter: Waiter, signal: AbortSignal | undefined): void {
    const { deadline } = waiter
    if (deadline < Infinity || signal !== undefined) {
      const leave = () => this.#leave(waiter, signal?.reason)
      const cancel = deadline < Infinity && at(this.#clock, deadline, () => this.#late(waiter))
      const forget = signal && onAbort(signal, leave)
      waiter.forgetCalls = () => {
        forget?.()
        if (cancel) cancel()
      }
    }
    this.#owner.count += 1
    this.#insert(waiter, this.#tail, undefined)
    if (this.#head === waiter) this.#ask()
  }

  /** Gives back what the head holds. It must ask again. */
  yield(): void {
    if (this.#head === undefined || this.#due === undefined) return
    this.#settle(this.#head)
    this.#limit.giveBack(this.#key, this.#head.cost, this.#head.terms)
  }

  /** The head asks again: what it holds may now be had sooner, and what it was denied may now be had. */
  askAgain(): void {
    if (this.#head === undefined) return
    this.yield()
    this.#ask()
  }

  /** The limit has other numbers. */
  askAnew(): void {
    for (const waiter of [...this.#aside].reverse()) this.#insert(waiter, undefined, this.#head)
    this.#aside.clear()
    this.askAgain()
  }

  close(reason: unknown): void {
    this.yield()
    for (const waiter of this.#aside) this.#unlink(waiter).refuse(reason)
    while (this.#head !== undefined) this.#unlink(this.#head).refuse(reason)
    this.#end()
  }

  /** The head asks the limit; a caller that is served at once goes, and the next one asks. */
  #ask(): void {
    this.#cancelTimer()
    while (this.#head !== undefined) {
      const head = this.#head
      const now = this.#clock.now()
      // Its own timer may have been kept waiting too: nothing is taken for a caller that has left.
      if (isDue(head.deadline, now)) {
        this.#unlink(head).refuse(this.#timedOut('did not', 0))
        continue
      }
      if (head.terms !== undefined) head.terms = this.#limit.anew(this.#key, head.terms)
      if (!this.#fits(head)) continue
      // A class that may fill a share only reserves nothing ahead: what it held would be missing for the others.
      const patience = this.share < 1 ? Number.MIN_VALUE : (head.deadline - now) * 1000
      const wait = this.#limit.take(this.#key, head.cost, patience, head.terms)
      if (wait === 0) {
        this.#unlink(head).grant()
        continue
      }
      const moment = now + Math.abs(wait) / 1000
      if (wait > 0) {
        this.#wanted -= head.cost
        this.#due = moment
      } else if (moment < Infinity && moment > head.deadline) {
        this.#unlink(head).refuse(this.#timedOut('cannot', -wait))
        continue
      }
      if (moment < Infinity) this.#cancelTimer = at(this.#clock, moment, () => this.#ring())
      return
    }
    this.#end()
  }

  /** True where the limit is large enough for the head now. One that is too large for now steps aside, one for ever is refused. */
  #fits(head: Waiter): boolean {
    try {
      const fits = this.#limit.fits(head.cost, this.share === 1, head.terms)
      if (!fits) this.#setAside(head)
      return fits
    } catch (error) {
      this.#unlink(head).refuse(error)
      return false
    }
  }

  /** The moment has come for which the head waits. */
  #ring(): void {
    if (this.#head !== undefined && this.#due !== undefined) {
      // Nothing of its reservation is left to count or to give back.
      this.#settle(this.#head)
      this.#unlink(this.#head).grant()
    }
    this.#ask()
  }

  /** The time of `waiter` is up. */
  #late(waiter: Waiter): void {
    const first = waiter === this.#head && this.#due !== undefined
    // A turn that comes at the deadline is in time.
    if (first && isDue(this.#due as Millis, this.#clock.now())) this.#ring()
    else this.#leave(waiter, this.#timedOut('did not', 0))
  }

  /** Takes `waiter` out of the line, wherever it stands, and gives back what was reserved for it. */
  #leave(waiter: Waiter, reason: unknown): void {
    const first = waiter === this.#head
    if (first) this.yield()
    this.#unlink(waiter).refuse(reason)
    if (first) this.#ask()
    else if (this.#head === undefined) this.#end()
  }

  /** The head has a reservation no more. */
  #settle(head: Waiter): void {
    this.#due = undefined
    this.#wanted += head.cost
  }

  /** Takes the head out of the line, and keeps it until the limit has changed. */
  #setAside(head: Waiter): void {
    this.#takeOut(head)
    this.#aside.add(head)
    head.aside?.()
  }

  /** Ends the wait of a caller, wherever it stands. */
  #unlink(waiter: Waiter): Waiter {
    waiter.forgetCalls?.()
    this.#owner.count -= 1
    if (!this.#aside.delete(waiter)) this.#takeOut(waiter)
    return waiter
  }

  #insert(waiter: Waiter, before: Waiter | undefined, behind: Waiter | undefined): void {
    this.#wanted += waiter.cost
    waiter.before = before
    waiter.behind = behind
    if (before === undefined) this.#head = waiter
    else before.behind = waiter
    if (behind === undefined) this.#tail = waiter
    else behind.before = waiter
  }

  #takeOut({ cost, before, behind }: Waiter): void {
    this.#wanted -= cost
    if (before === undefined) this.#head = behind
    else before.behind = behind
    if (behind === undefined) this.#tail = before
    else behind.before = before
  }

  #end(): void {
    this.#cancelTimer()
    if (this.#aside.size === 0) this.#owner.over(this.#key, this)
  }

  #timedOut(verb: string, micros: Micros): WaitTimeoutError {
    const message = `the turn of key ${describe(this.#key)} ${verb} come in time`
    return new WaitTimeoutError(message, seconds(micros))
  }
}
