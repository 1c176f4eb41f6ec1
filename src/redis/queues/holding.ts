import { type Cancel, systemClock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { LeaseClock, Moment } from '../../core/lease-clock.ts'
import type { Claim } from '../../queues/store/job-store.ts'

/** How often expired claims are looked for, at least twice in a lease. */
const LOOK: Millis = 250

/** A claim that this process has. */
export interface Held {
  readonly token: string
  readonly id: string
  /** What the job is called in places. */
  readonly name: string
  readonly delivery: number
  /** By then nobody else can have the job: its lease, from before it was asked for. */
  until: Moment
}

/** The claims of this process, until they are settled or their lease is over. */
export class Holding {
  readonly clock: LeaseClock
  readonly #lost: (held: Held) => void
  /** By name, in the order in which they expire. */
  readonly #held = new Map<string, Held>()
  #timer: Cancel | undefined

  constructor(clock: LeaseClock, lost: (held: Held) => void) {
    this.clock = clock
    this.#lost = lost
  }

  /** By when nobody else can have what was claimed or renewed for `lease` in a trip that was sent then. */
  endOf({ steady, wall }: Moment, lease: Millis): Moment {
    // The clocks of two machines do not go alike; one that is handed in does.
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
    // One that was lost may be claimed again by this process.
    this.#held.delete(name)
    this.#held.set(name, { token, id: record.id, name, delivery, until })
    this.#timer ??= this.#later()
  }

  extend(held: Held, until: Moment): void {
    if (this.#held.get(held.name) !== held) return
    held.until = until
    this.#held.delete(held.name)
    this.#held.set(held.name, held)
  }

  remove(held: Held): void {
    if (this.#held.get(held.name) === held) this.#held.delete(held.name)
  }

  close(): void {
    this.#timer?.()
    this.#timer = undefined
    this.#held.clear()
  }

  #later(): Cancel {
    const { steady } = this.clock
    return (steady.after ?? systemClock.after)?.call(
      steady,
      LOOK,
      () => this.#look(),
      true,
    ) as Cancel
  }

  #look(): void {
    const now = this.clock.steady.now()
    for (const held of this.#held.values()) {
      if (this.clock.isBefore(held.until, now)) break
      this.#held.delete(held.name)
      this.#lost(held)
    }
    this.#timer = this.#held.size > 0 ? this.#later() : undefined
  }
}
