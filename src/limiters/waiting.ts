import type { Clock } from '../core/clock.ts'
import { ClosedError } from '../core/errors.ts'
import { type Desk, type Hall, Line, type Waiter } from './line.ts'

/** Where all those stand who may wait for the same: what one of them gives back may be for another. */
type Room = Set<Waiting>

const rooms = new WeakMap<object, Room>()

function roomBefore(ledger: object): Room {
  const room = rooms.get(ledger) ?? new Set()
  rooms.set(ledger, room)
  return room
}

/**
 * The lines of one limiter: for each key first come, first served.
 *
 * Only the head of a line asks the desk, and holds at most one reservation; so whoever leaves gives back exactly what
 * was held for him, and whoever stands behind moves up. One timer a key, however long the line, and one for each who comes with
 * a deadline.
 */
export class Waiting implements Hall {
  /** The ledgers that are waited for: one, or those of each limiter of a composite. */
  readonly ledgers: readonly object[]
  /** The rooms before them, where this one stands while anybody waits. */
  readonly #rooms: readonly Room[]
  readonly #desk: Desk
  readonly #clock: Clock
  readonly #keyed: boolean
  /** The lines of each key: one for each share of the limit that somebody waits for, the largest share first. */
  readonly #lines = new Map<string, Line[]>()
  /** How many wait, over all keys. */
  count = 0
  /** Has everybody been sent away? */
  closed = false

  /** @param keyed do the keys of its lines mean the same to everybody who waits for those ledgers? */
  constructor(desk: Desk, clock: Clock, ledgers: readonly object[], keyed: boolean) {
    this.#desk = desk
    this.#clock = clock
    this.ledgers = ledgers
    this.#rooms = ledgers.map(roomBefore)
    this.#keyed = keyed
  }

  /** Does anybody wait for `key`, who goes before a call that may fill `share` of the limit? */
  busy(key: string, share = 1): boolean {
    const lines = this.#lines.get(key)
    return lines?.some((line) => line.share >= share) ?? false
  }

  /** Resolves when `cost` has been taken for this caller and its time has come. */
  join(
    key: string,
    cost: number,
    patience: Pick<Waiter, 'deadline' | 'terms'> & { signal: AbortSignal | undefined },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { deadline, signal, terms } = patience
      const lines = this.#lines.get(key) ?? []
      const share = terms?.share ?? 1
      const known = lines.find((line) => line.share === share)
      const line = known ?? new Line(this, this.#desk, this.#clock, key, share)
      const refusal = line.refusal(cost, deadline, terms)
      if (refusal !== undefined) return reject(refusal)
      for (const room of this.#rooms) room.add(this)
      if (known === undefined) {
        lines.push(line)
        lines.sort((one, other) => other.share - one.share)
        this.#lines.set(key, lines)
      }
      const waiter: Waiter = {
        cost,
        terms,
        deadline,
        grant: resolve,
        refuse: reject,
        forgetCalls: undefined,
        before: undefined,
        behind: undefined,
      }
      line.join(waiter, signal)
    })
  }

  /** Something about `key` has changed: its head asks again. */
  wake(key: string): void {
    for (const room of this.#rooms) for (const waiting of room) waiting.#hear(key)
  }

  /** Makes a change while no reservation is held; then every head asks again. */
  changing(change: () => void): void {
    const all = this.#rooms.flatMap((room) => [...room])
    const lines = all.flatMap((waiting) => [...waiting.#lines.values()].flat())
    for (const line of lines) line.yield()
    try {
      change()
    } finally {
      for (const line of lines) line.askAgain()
    }
  }

  /** Sends everybody away; whoever comes later is not to be let in. */
  close(what: string): void {
    this.closed = true
    for (const line of [...this.#lines.values()].flat()) line.close(new ClosedError(what))
  }

  /** @internal */
  over(key: string, line: object): void {
    const rest = (this.#lines.get(key) ?? []).filter((one) => one !== line)
    if (rest.length > 0) this.#lines.set(key, rest)
    else this.#lines.delete(key)
    if (this.#lines.size === 0) for (const room of this.#rooms) room.delete(this)
  }

  #hear(key: string): void {
    const lines = this.#keyed ? (this.#lines.get(key) ?? []) : [...this.#lines.values()].flat()
    for (const line of lines) line.askAgain()
  }
}
