import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { ClosedError } from '../core/errors.ts'
import { type Desk, type Hall, Line, type Waiter } from './line.ts'

export interface Patience {
  /** The latest moment, by the clock of the line; `Infinity` for no end. */
  deadline: Millis
  signal: AbortSignal | undefined
}

/** Those who wait before what several limiters have in common: what one of them gives back may be for another's. */
const sharing = new WeakMap<object, Set<Waiting>>()

/**
 * The lines of one limiter: for each key first come, first served.
 *
 * Only the head of a line asks the desk, and holds at most one reservation; so whoever leaves gives back exactly what
 * was held for him, and whoever stands behind moves up. One timer a key, however long the line.
 */
export class Waiting implements Hall {
  readonly #desk: Desk
  readonly #clock: Clock
  readonly #lines = new Map<string, Line>()
  #shared: object | undefined
  #closed = false
  /** How many wait, over all keys. */
  count = 0

  constructor(desk: Desk, clock: Clock) {
    this.#desk = desk
    this.#clock = clock
  }

  /** Whoever else waits before `what`, a ledger, is woken and yields together with those who wait here. */
  share(what: object): void {
    this.#shared = what
  }

  /** Does anybody wait for `key`? */
  busy(key: string): boolean {
    return this.#lines.size > 0 && this.#lines.has(key)
  }

  /** Resolves when `cost` has been taken for this caller and its time has come. */
  join(key: string, cost: number, patience: Patience): Promise<void> {
    return new Promise((resolve, reject) => {
      const { deadline, signal } = patience
      const line = this.#lines.get(key) ?? new Line(this, this.#desk, this.#clock, key)
      if (deadline < Infinity) {
        const refusal = line.refusal(cost, deadline)
        if (refusal !== undefined) return reject(refusal)
      }
      const waiter: Waiter = {
        cost,
        deadline,
        grant: resolve,
        refuse: reject,
        forgetSignal: () => {},
        before: undefined,
        behind: undefined,
        gone: false,
      }
      if (signal !== undefined) {
        const leave = () => line.leave(waiter, signal.reason)
        signal.addEventListener('abort', leave, { once: true })
        waiter.forgetSignal = () => signal.removeEventListener('abort', leave)
      }
      if (this.#lines.size === 0) this.#enter()
      this.#lines.set(key, line)
      line.join(waiter)
    })
  }

  /** Something about `key` has changed: its head asks again. */
  wake(key: string): void {
    for (const waiting of this.#all()) waiting.#lines.get(key)?.askAgain()
  }

  /** Something about every key may have changed. */
  wakeAll(): void {
    this.changing(() => {})
  }

  /** Makes a change while no reservation is held; then every head asks again. */
  changing(change: () => void): void {
    const lines = [...this.#all()].flatMap((waiting) => [...waiting.#lines.values()])
    for (const line of lines) line.yield()
    try {
      change()
    } finally {
      for (const line of lines) line.askAgain()
    }
  }

  /** @throws ClosedError after {@link close} */
  checkOpen(what: string): void {
    if (this.#closed) throw new ClosedError(what)
  }

  /** Sends everybody away, and whoever comes later. */
  close(what: string): void {
    this.#closed = true
    for (const line of [...this.#lines.values()]) line.close(new ClosedError(what))
  }

  /** @internal */
  over(key: string): void {
    this.#lines.delete(key)
    if (this.#lines.size === 0 && this.#shared !== undefined) {
      sharing.get(this.#shared)?.delete(this)
    }
  }

  /** Somebody waits here now, and is to hear what the others do. */
  #enter(): void {
    if (this.#shared === undefined) return
    const all = sharing.get(this.#shared)
    if (all === undefined) sharing.set(this.#shared, new Set([this]))
    else all.add(this)
  }

  /** All in whose lines somebody may wait for the same. */
  #all(): Iterable<Waiting> {
    const all = this.#shared && sharing.get(this.#shared)
    return all === undefined ? [this] : [...all]
  }
}
