import type { Clock } from '../../core/clock.ts'
import { ClosedError } from '../../core/errors.ts'
import { Line, type LineOwner, type WaitedLimit, type Waiter } from './line.ts'

/** The waiting lines of all limiters over one ledger: tokens that one of them gives back may serve a call of another. */
type Neighbours = Set<Waiting>

const byLedger = new WeakMap<object, Neighbours>()

function neighboursAt(ledger: object): Neighbours {
  const neighbours = byLedger.get(ledger) ?? new Set()
  byLedger.set(ledger, neighbours)
  return neighbours
}

/**
 * The lines of one limiter: for each key first come, first served.
 *
 * Only the head of a line asks the limit, and has at most one reservation. A head that leaves gives back exactly that reservation, and the
 * next call is the head. There is one timer for each key, however long the line, and one for each call with a deadline.
 */
export class Waiting implements LineOwner {
  /** The ledgers that the calls wait for: one, or those of all limiters of a composite. */
  readonly ledgers: readonly object[]
  /** The neighbours at each ledger; this one is among them while a call waits. */
  readonly #neighbours: readonly Neighbours[]
  readonly #limit: WaitedLimit
  readonly #clock: Clock
  readonly #keyed: boolean
  /** The lines of each key: one for each share of the limit, the largest share first. */
  readonly #lines = new Map<string, Line[]>()
  /** How many calls wait, over all keys. */
  count = 0
  /** True after `close`: no call may wait any more. */
  closed = false

  /** @param keyed true when the keys of its lines mean the same to all limiters over these ledgers */
  constructor(limit: WaitedLimit, clock: Clock, ledgers: readonly object[], keyed: boolean) {
    this.#limit = limit
    this.#clock = clock
    this.ledgers = ledgers
    this.#neighbours = ledgers.map(neighboursAt)
    this.#keyed = keyed
  }

  /** True when a call waits for `key` that goes before a new call with this `share` of the limit. */
  busy(key: string, share = 1): boolean {
    if (this.count === 0) return false
    const lines = this.#lines.get(key)
    return lines?.some((line) => line.busy && line.share >= share) ?? false
  }

  /** Resolves when `cost` was taken for this call and its time has come. */
  join(
    key: string,
    cost: number,
    patience: Pick<Waiter, 'deadline' | 'terms' | 'aside'> & { signal: AbortSignal | undefined },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { deadline, signal, terms, aside } = patience
      const lines = this.#lines.get(key) ?? []
      const share = terms?.share ?? 1
      const known = lines.find((line) => line.share === share)
      const line = known ?? new Line(this, this.#limit, this.#clock, key, share)
      const refusal = line.refusal(cost, deadline, terms)
      if (refusal !== undefined) return reject(refusal)
      for (const neighbours of this.#neighbours) neighbours.add(this)
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
        aside,
        forgetCalls: undefined,
        before: undefined,
        behind: undefined,
      }
      line.join(waiter, signal)
    })
  }

  /** The state of `key` has changed: the heads of its lines ask again. */
  wake(key: string): void {
    for (const neighbours of this.#neighbours) for (const waiting of neighbours) waiting.#hear(key)
  }

  /** Gives all reservations back, makes a change, and lets every head ask again. */
  changing(change: () => void): void {
    const all = this.#neighbours.flatMap((neighbours) => [...neighbours])
    const lines = all.flatMap((waiting) => [...waiting.#lines.values()].flat())
    for (const line of lines) line.yield()
    try {
      change()
    } finally {
      for (const line of lines) line.askAnew()
    }
  }

  /** Rejects all calls that wait, and later calls. */
  close(what: string): void {
    this.closed = true
    for (const line of [...this.#lines.values()].flat()) line.close(new ClosedError(what))
  }

  /** @internal */
  over(key: string, line: object): void {
    const rest = (this.#lines.get(key) ?? []).filter((one) => one !== line)
    if (rest.length > 0) this.#lines.set(key, rest)
    else this.#lines.delete(key)
    if (this.#lines.size === 0) for (const neighbours of this.#neighbours) neighbours.delete(this)
  }

  #hear(key: string): void {
    const lines = this.#keyed ? (this.#lines.get(key) ?? []) : [...this.#lines.values()].flat()
    for (const line of lines) line.askAgain()
  }
}
