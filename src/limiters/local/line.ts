import { at, type Cancel, type Clock, isDue } from '../../core/clock.ts'
import type { Micros, Millis } from '../../core/duration.ts'
import { describe, WaitTimeoutError } from '../../core/errors.ts'
import { onAbort } from '../../core/on-abort.ts'
import type { Terms } from '../calls/terms.ts'
import { seconds } from '../decision-of.ts'

/** The limit that the callers of a line wait for. */
export interface WaitedLimit {
  /** As `Rule.reserve`. `>= 0`: granted, act after this time. `< 0`: denied, ask again after this time or when woken. */
  take(key: string, cost: number, maxWait: Micros, terms?: Terms): Micros
  giveBack(key: string, cost: number, terms?: Terms): void
  /** @internal The terms of a call, under the present numbers of the limit. The published types must be right without this method. */
  anew(key: string, terms: Terms | undefined): Terms | undefined
  /** How long a call would wait behind `ahead`; `-Infinity` when the time is unknown. */
  forecast(key: string, ahead: number, cost: number, terms?: Terms): Micros
  /** @internal True when the present limit is large enough for the call. @param ahead true when the call may reserve ahead */
  fits(cost: number, ahead: boolean, terms: Terms | undefined): boolean
}

/** The owner of lines: counts the calls that wait, and is told when a line is empty. */
export interface LineOwner {
  count: number
  /** @internal A line is empty. The published types must be right without this method. */
  over(key: string, line: object): void
}

/** A call that waits: a link of a linked list, so that it can leave from anywhere in O(1). */
export interface Waiter {
  readonly cost: number
  /** The terms of the call besides its cost. */
  terms: Terms | undefined
  /** The latest moment, by the clock of the line; `Infinity` for no end. */
  readonly deadline: Millis
  readonly grant: () => void
  readonly refuse: (reason: unknown) => void
  /** Called when the call leaves the line and waits beside it, because the limit is too small for it now. */
  readonly aside: (() => void) | undefined
  /** Ends the timer and the listener that could end the wait. */
  forgetCalls: (() => void) | undefined
  before: Waiter | undefined
  behind: Waiter | undefined
}

/** The calls that wait for one key and may fill the same share of its limit: first come, first served. */
export class Line {
  readonly share: number
  readonly #owner: LineOwner
  readonly #limit: WaitedLimit
  readonly #clock: Clock
  readonly #key: string
  #head: Waiter | undefined
  #tail: Waiter | undefined
  /** Calls whose cost is above the present limit. Other calls do not wait behind them. When the limit changes, they are the first in line again. */
  readonly #aside = new Set<Waiter>()
  /** The sum of the costs in line, without the cost that is reserved for the head. */
  #wanted = 0
  /** The time of the head's reservation; `undefined` while it has none. */
  #due: Millis | undefined
  #cancelTimer: Cancel = () => {}

  constructor(owner: LineOwner, limit: WaitedLimit, clock: Clock, key: string, share: number) {
    this.share = share
    this.#owner = owner
    this.#limit = limit
    this.#clock = clock
    this.#key = key
  }

  /** True when a call waits that goes before new calls. */
  get busy(): boolean {
    return this.#head !== undefined
  }

  /** The error of a call whose deadline is too early for this line; `undefined` when it may join. */
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

  /** Gives back the reservation of the head, which must ask again. */
  yield(): void {
    if (this.#head === undefined || this.#due === undefined) return
    this.#settle(this.#head)
    this.#limit.giveBack(this.#key, this.#head.cost, this.#head.terms)
  }

  /** The head asks again: it may now be served sooner, or served at all. */
  askAgain(): void {
    if (this.#head === undefined) return
    this.yield()
    this.#ask()
  }

  /** The numbers of the limit have changed. */
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

  /** The head asks the limit. When it is served at once, the next call asks. */
  #ask(): void {
    this.#cancelTimer()
    while (this.#head !== undefined) {
      const head = this.#head
      const now = this.#clock.now()
      // The timer of the deadline may be late too: nothing is taken for a call whose time is over.
      if (isDue(head.deadline, now)) {
        this.#unlink(head).refuse(this.#timedOut('did not', 0))
        continue
      }
      if (head.terms !== undefined) head.terms = this.#limit.anew(this.#key, head.terms)
      if (!this.#fits(head)) continue
      // A class with a share below 1 reserves nothing ahead: its reservation would take room from larger classes.
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

  /** True when the limit is large enough for the head. A head that is too large for now steps aside; one that can never pass is refused. */
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

  /** The time of the head's reservation has come. */
  #ring(): void {
    if (this.#head !== undefined && this.#due !== undefined) {
      // The reservation is used: it is not counted or given back.
      this.#settle(this.#head)
      this.#unlink(this.#head).grant()
    }
    this.#ask()
  }

  /** The deadline of `waiter` has come. */
  #late(waiter: Waiter): void {
    const first = waiter === this.#head && this.#due !== undefined
    // A turn that comes at the deadline is in time.
    if (first && isDue(this.#due as Millis, this.#clock.now())) this.#ring()
    else this.#leave(waiter, this.#timedOut('did not', 0))
  }

  /** Takes `waiter` out of the line, wherever it stands, and gives its reservation back. */
  #leave(waiter: Waiter, reason: unknown): void {
    const first = waiter === this.#head
    if (first) this.yield()
    this.#unlink(waiter).refuse(reason)
    if (first) this.#ask()
    else if (this.#head === undefined) this.#end()
  }

  /** The head has no reservation any more. */
  #settle(head: Waiter): void {
    this.#due = undefined
    this.#wanted += head.cost
  }

  /** Takes the head out of the line until the limit changes. */
  #setAside(head: Waiter): void {
    this.#takeOut(head)
    this.#aside.add(head)
    head.aside?.()
  }

  /** Ends the wait of a call, wherever it stands. */
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
