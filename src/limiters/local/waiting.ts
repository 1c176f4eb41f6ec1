import type { Clock } from '../../core/clock.ts'
import { ClosedError } from '../../core/errors.ts'
import { Line, type LineOwner, type WaitedLimit, type Waiter } from './line.ts'

/** The waiting lines of all limiters that ask one ledger: what one of them gives back may be for another. */
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
 * Only the head of a line asks the limit, and has at most one reservation. So a caller that leaves gives back exactly that
 * reservation, and the next one moves up. One timer a key, however long the line, and one for each caller with a deadline.
 */
export class Waiting implements LineOwner {
  /** The ledgers that are waited for: one, or those of each limiter of a composite. */
  readonly ledgers: readonly object[]
  /** The neighbours at each of them; this one is among them while a caller waits. */
  readonly #neighbours: readonly Neighbours[]
  readonly #limit: WaitedLimit
  readonly #clock: Clock
  readonly #keyed: boolean
  /** The lines of each key: one for each share of the limit that a caller waits for, the largest share first. */
  readonly #lines = new Map<string, Line[]>()
  /** How many wait, over all keys. */
  count = 0
  /** True when it is closed: no caller may wait any more. */
  closed = false

  /** @param keyed true where the keys of its lines mean the same to all limiters that ask those ledgers */
  constructor(limit: WaitedLimit, clock: Clock, ledgers: readonly object[], keyed: boolean) {
    this.#limit = limit
    this.#clock = clock
    this.ledgers = ledgers
    this.#neighbours = ledgers.map(neighboursAt)
    this.#keyed = keyed
  }

  /** True when a caller waits for `key` that goes before a call that may fill `share` of the limit. */
  busy(key: string, share = 1): boolean {
    if (this.count === 0) return false
    const lines = this.#lines.get(key)
    return lines?.some((line) => line.busy && line.share >= share) ?? false
  }

  /** Resolves when `cost` has been taken for this caller and its time has come. */
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

  /** Something about `key` has changed: its head asks again. */
  wake(key: string): void {
    for (const neighbours of this.#neighbours) for (const waiting of neighbours) waiting.#hear(key)
  }

  /** Makes a change while no reservation is held; then every head asks again. */
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

  /** Rejects all callers that wait; later calls are refused. */
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
