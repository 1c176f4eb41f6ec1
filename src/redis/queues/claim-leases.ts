import { type Cancel, systemClock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { LeaseClock, Moment } from '../../core/lease-clock.ts'
import type { Claim } from '../../queues/store/job-store.ts'

/** How often the claims are checked by the wall clock, which may jump. For the steady clock there is a timer. */
const LOOK: Millis = 250

/** A claim that this process has. */
export interface Held {
  readonly token: string
  readonly id: string
  /** The name of the job in places: its id, or the hash of the id. */
  readonly name: string
  readonly delivery: number
  /** Until this moment no other process can have the job: the end of its lease, counted from before the request. */
  until: Moment
}

/** The claims of this process, until they are settled or their lease is over. */
export class ClaimLeases {
  readonly clock: LeaseClock
  readonly #lost: (held: Held) => void
  /** The claims, by the name of the job. */
  readonly #held = new Map<string, Held>()
  #timer: Cancel | undefined
  /** When the timer rings. */
  #rings: Millis = Infinity

  constructor(clock: LeaseClock, lost: (held: Held) => void) {
    this.clock = clock
    this.#lost = lost
  }

  /** Until when no other process can have a job that was claimed or renewed for `lease` in a trip sent at that moment. */
  endOf({ steady, wall }: Moment, lease: Millis): Moment {
    // The clocks of two machines run at different speed. A clock that a test hands in is the same for both.
    const margin = this.clock.steady === systemClock ? Math.max(lease * 0.01, 2) : 0
    const safe = lease - margin
    return { steady: steady + safe, wall: wall + safe }
  }

  get(name: string): Held | undefined {
    return this.#held.get(name)
  }

  /** The claim with that token, if it is still held. */
  byToken(name: string, token: string): Held | undefined {
    const held = this.#held.get(name)
    return held?.token === token ? held : undefined
  }

  add(name: string, { token, delivery, record }: Claim, until: Moment): void {
    this.#held.set(name, { token, id: record.id, name, delivery, until })
    if (until.steady < this.#rings) this.#ringAt(until.steady)
  }

  extend(held: Held, until: Moment): void {
    if (this.#held.get(held.name) === held) held.until = until
  }

  remove(held: Held): void {
    if (this.#held.get(held.name) === held) this.#held.delete(held.name)
  }

  close(): void {
    this.#held.clear()
    this.#ringAt(Infinity)
  }

  /** Sets the timer to the end of the first claim: a claim is reported as lost before another process can have the job. */
  #ringAt(earliest: Millis): void {
    this.#timer?.()
    this.#timer = undefined
    this.#rings = Infinity
    if (this.#held.size === 0) return
    const { steady } = this.clock
    const now = steady.now()
    const wait = Math.max(0, Math.min(LOOK, earliest - now))
    this.#rings = now + wait
    const after = steady.after ?? systemClock.after
    this.#timer = after?.call(steady, wait, () => this.#look(), true)
  }

  #look(): void {
    const now = this.clock.steady.now()
    let earliest = Infinity
    for (const held of [...this.#held.values()]) {
      if (this.clock.isBefore(held.until, now)) {
        earliest = Math.min(earliest, held.until.steady)
      } else {
        this.#held.delete(held.name)
        this.#lost(held)
      }
    }
    this.#ringAt(earliest)
  }
}
