import { at, type Cancel, type Clock, isDue } from '../core/clock.ts'
import type { Micros, Millis } from '../core/duration.ts'
import { describe, WaitTimeoutError } from '../core/errors.ts'
import { Heap } from '../core/heap.ts'

/** What a line stands before. */
export interface Desk {
  /** As `Rule.reserve`: `>= 0` is yours, act after that long; `< 0` ask again after that long, or when woken. */
  take(key: string, cost: number, maxWait: Micros): Micros
  giveBack(key: string, cost: number): void
  /** How long it would take behind `ahead`; `-Infinity` where no time can be told. */
  forecast(key: string, ahead: number, cost: number): Micros
}

/** Where the lines are: counts who waits, and hears when a line is over. */
export interface Hall {
  count: number
  /** @internal As in the class: declarations must agree without it. */
  over(key: string): void
}

/** One who waits. A link of the line, so that leaving from the middle costs the same anywhere. */
export interface Waiter {
  readonly cost: number
  readonly deadline: Millis
  readonly grant: () => void
  readonly refuse: (reason: unknown) => void
  forgetSignal: () => void
  before: Waiter | undefined
  behind: Waiter | undefined
  gone: boolean
}

/** Those who wait for one key, first come, first served. */
export class Line {
  readonly #hall: Hall
  readonly #desk: Desk
  readonly #clock: Clock
  readonly #key: string
  #head: Waiter | undefined
  #tail: Waiter | undefined
  /** What those in line want together, without what is reserved for the head. */
  #wanted = 0
  /** When the head's reservation comes due, or `undefined` while it has none. */
  #due: Millis | undefined
  /** When the head asks again; `Infinity` for when it is woken. */
  #askAt: Millis = Infinity
  #deadlines: Heap<Waiter> | undefined
  #cancelTimer: Cancel = () => {}

  constructor(hall: Hall, desk: Desk, clock: Clock, key: string) {
    this.#hall = hall
    this.#desk = desk
    this.#clock = clock
    this.#key = key
  }

  /** Why a caller with this deadline need not even join, if so. */
  refusal(cost: number, deadline: Millis): WaitTimeoutError | undefined {
    const now = this.#clock.now()
    const forecast = this.#desk.forecast(this.#key, this.#wanted, cost)
    if (forecast === -Infinity || now + forecast / 1000 <= deadline) return undefined
    return timedOut(this.#key, 'cannot come in time', forecast / 1e6)
  }

  join(waiter: Waiter): void {
    this.#hall.count += 1
    this.#wanted += waiter.cost
    if (waiter.deadline < Infinity) {
      this.#deadlines ??= new Heap((a, b) => a.deadline - b.deadline)
      this.#deadlines.push(waiter)
    }
    waiter.before = this.#tail
    if (this.#tail === undefined) this.#head = waiter
    else this.#tail.behind = waiter
    this.#tail = waiter
    if (this.#head === waiter) this.#ask()
    else if (this.#deadlines?.peek() === waiter) this.#arm()
  }

  /** Takes `waiter` out of the line, wherever it stands, and gives back what was reserved for it. */
  leave(waiter: Waiter, reason: unknown): void {
    if (waiter.gone) return
    const first = waiter === this.#head
    if (first && this.#due !== undefined) this.#giveBack(waiter)
    this.#unlink(waiter)
    waiter.refuse(reason)
    if (first) this.#ask()
  }

  /** Gives back what the head holds. It must ask again. */
  yield(): void {
    if (this.#head !== undefined && this.#due !== undefined) this.#giveBack(this.#head)
  }

  /** The head asks again: what it holds may now be had sooner, and what it was denied may now be had. */
  askAgain(): void {
    if (this.#head === undefined) return
    this.yield()
    this.#ask()
  }

  close(reason: unknown): void {
    this.yield()
    while (this.#head !== undefined) {
      const waiter = this.#head
      this.#unlink(waiter)
      waiter.refuse(reason)
    }
    this.#end()
  }

  /** The head asks the desk; whoever is served at once goes, and the next one asks. */
  #ask(): void {
    while (this.#head !== undefined) {
      const head = this.#head
      const now = this.#clock.now()
      const patience = (head.deadline - now) * 1000
      const wait = this.#desk.take(this.#key, head.cost, Math.max(0, patience))
      if (wait === 0) {
        this.#unlink(head)
        head.grant()
        continue
      }
      if (wait > 0) {
        this.#wanted -= head.cost
        this.#due = now + wait / 1000
      } else {
        this.#askAt = now - wait / 1000
        if (this.#askAt > head.deadline && wait > -Infinity) {
          this.#unlink(head)
          head.refuse(timedOut(this.#key, 'cannot come in time', -wait / 1e6))
          continue
        }
      }
      return this.#arm()
    }
    this.#end()
  }

  #arm(): void {
    this.#cancelTimer()
    const next = Math.min(this.#due ?? this.#askAt, this.#deadlines?.peek()?.deadline ?? Infinity)
    if (next < Infinity) this.#cancelTimer = at(this.#clock, next, () => this.#ring())
  }

  #ring(): void {
    const now = this.#clock.now()
    const head = this.#head
    if (head !== undefined && this.#due !== undefined && isDue(this.#due, now)) {
      // Its reservation has come due: nothing of it is left to count or to give back.
      this.#due = undefined
      this.#wanted += head.cost
      this.#unlink(head)
      head.grant()
      this.#refuseLate(now)
      return this.#ask()
    }
    this.#refuseLate(now)
    if (this.#due !== undefined) return this.#arm()
    if (this.#head !== head || isDue(this.#askAt, now)) return this.#ask()
    this.#arm()
  }

  /** Sends away those whose time is up. */
  #refuseLate(now: Millis): void {
    for (let late = this.#deadlines?.peek(); late !== undefined; late = this.#deadlines?.peek()) {
      if (!isDue(late.deadline, now)) return
      if (late === this.#head && this.#due !== undefined) this.#giveBack(late)
      this.#unlink(late)
      late.refuse(timedOut(this.#key, 'did not come in time', 0))
    }
  }

  #giveBack(head: Waiter): void {
    this.#due = undefined
    this.#wanted += head.cost
    this.#desk.giveBack(this.#key, head.cost)
  }

  #unlink(waiter: Waiter): void {
    waiter.gone = true
    waiter.forgetSignal()
    this.#hall.count -= 1
    this.#wanted -= waiter.cost
    if (waiter.before === undefined) this.#head = waiter.behind
    else waiter.before.behind = waiter.behind
    if (waiter.behind === undefined) this.#tail = waiter.before
    else waiter.behind.before = waiter.before
    while (this.#deadlines?.peek()?.gone) this.#deadlines.pop()
  }

  #end(): void {
    this.#cancelTimer()
    this.#hall.over(this.#key)
  }
}

function timedOut(key: string, what: string, retryAfter: number): WaitTimeoutError {
  return new WaitTimeoutError(`what ${describe(key)} waits for ${what}`, retryAfter)
}
