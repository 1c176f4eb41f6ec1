import type { Clock } from '../core/clock.ts'
import type { Micros, Millis } from '../core/duration.ts'
import { isLocal, type Ledger, type RemoteLedger, type Storage } from '../core/storage.ts'
import { lease } from '../rules/lease.ts'
import { LockLine } from './lock-line.ts'

/** Whoever holds a lease is known by a number, drawn at random from so many bits. */
const HOLDER_BITS = 48

/** What the storage says to whoever asks for a lease. */
export interface Answer {
  /** 0 for yes, or how long until it may be free. */
  readonly wait: Millis
  /** The fence of each name. */
  readonly tokens: readonly number[]
}

/** One who wants to hear that a lease has come free. */
export interface LeaseWatch {
  /** Is it heard of, one way or the other, as far as anybody knows? */
  live(): boolean
  /** Does the storage tell of what this process gives back? */
  tells(): boolean
  end(): void
}

/**
 * Where a process asks one storage for leases, the same way whether it answers at once or from afar. All coordinators of a
 * process that share a storage share its desk, so that each lock has one line in the process, and one of it asks.
 */
export class LeaseDesk {
  readonly #ledger: Ledger | RemoteLedger
  readonly #lines = new Map<string, LockLine>()
  /** What is held in this process. */
  readonly #held = new Set<string>()

  constructor(ledger: Ledger | RemoteLedger) {
    this.#ledger = ledger
  }

  static newHolder(): number {
    return Math.floor(Math.random() * 2 ** HOLDER_BITS) + 1
  }

  /** Those who wait for all of `names` together. */
  line(names: readonly string[]): LockLine {
    const id = JSON.stringify(names)
    let line = this.#lines.get(id)
    if (line === undefined) {
      line = new LockLine(this, names, () => this.#lines.delete(id))
      this.#lines.set(id, line)
    }
    return line
  }

  /** Does anybody of this process wait for all of `names`? What comes free is theirs. */
  isAwaited(names: readonly string[]): boolean {
    return this.#lines.has(JSON.stringify(names))
  }

  /** Takes all of `names`, or none. Asking again by the same number takes nothing twice. */
  async take(names: readonly string[], holder: number, term: Millis): Promise<Answer> {
    return this.#all(names, Math.ceil(term * 1000), holder)
  }

  /** Goes on with what is held by that number; false where any of it is not. */
  async renew(names: readonly string[], holder: number, term: Millis): Promise<boolean> {
    return (await this.#all(names, Math.ceil(term * 1000), -holder)).wait === 0
  }

  /** Gives back what is held by that number; does the storage still know the last fences given, `tokens`? */
  async release(
    names: readonly string[],
    holder: number,
    tokens: readonly number[] = [],
  ): Promise<boolean> {
    const ledger = this.#ledger
    const each = names.map(async (name, i) => {
      if (isLocal(ledger)) return ledger.reserve(name, 0, -holder) === 0
      return (await ledger.run('refund', name, 0, holder)).token === tokens[i]
    })
    // After that has been sent, and before it is known: whoever is next asks in the same trip.
    this.#freed(names)
    return (await Promise.all(each)).every((known) => known)
  }

  /** Somebody of this process has it now. */
  begin(names: readonly string[]): void {
    for (const name of names) this.#held.add(name)
  }

  /** Nobody of this process has it any more. */
  end(names: readonly string[]): void {
    for (const name of names) this.#held.delete(name)
  }

  /** As {@link end}, and not because it was given back. */
  lost(names: readonly string[]): void {
    this.end(names)
    this.#freed(names)
  }

  /** Has somebody of this process one of them? He will say when it is free. */
  holds(names: readonly string[]): boolean {
    return names.some((name) => this.#held.has(name))
  }

  /**
   * Calls `freed` when somebody elsewhere has given one of them back, as far as the storage can tell.
   */
  watch(names: readonly string[], freed: () => void): LeaseWatch {
    const ledger = this.#ledger
    // Nobody can give it back but through this desk.
    if (isLocal(ledger)) return { live: () => true, tells: () => false, end: () => {} }
    const watches = names.map((name) => ledger.watch?.(name, freed))
    const live = () => watches.every((watch) => watch?.live)
    return {
      live,
      tells: live,
      end: () => {
        for (const watch of watches) watch?.end()
      },
    }
  }

  #freed(names: readonly string[]): void {
    for (const line of [...this.#lines.values()]) {
      if (line.names.some((name) => names.includes(name))) line.freedHere()
    }
  }

  async #all(names: readonly string[], term: Micros, holder: number): Promise<Answer> {
    const ledger = this.#ledger
    if (isLocal(ledger)) return this.#oneByOne(names, term, holder)
    const [only] = names
    if (names.length > 1 && !ledger.storage.joins(names)) {
      return this.#oneByOne(names, term, holder)
    }
    const verdicts =
      names.length === 1
        ? [await ledger.run('reserve', only as string, term, holder)]
        : await ledger.storage.runAll(
            'reserve',
            names.map(() => ledger),
            names,
            term,
            holder,
          )
    return {
      wait: Math.max(0, ...verdicts.map(({ wait }) => -wait / 1000)),
      tokens: verdicts.map(({ token }) => token as number),
    }
  }

  /** Where they cannot be asked for together: always in the same order, and back with them all when one is denied. */
  async #oneByOne(names: readonly string[], term: Micros, holder: number): Promise<Answer> {
    const ledger = this.#ledger
    const tokens: number[] = []
    for (const name of names) {
      let wait: Micros
      if (isLocal(ledger)) {
        wait = ledger.reserve(name, term, holder)
        tokens.push(ledger.judged.token?.() as number)
      } else {
        const verdict = await ledger.run('reserve', name, term, holder)
        wait = verdict.wait
        tokens.push(verdict.token as number)
      }
      if (wait >= 0) continue
      if (holder > 0) await this.#undo(names.slice(0, tokens.length - 1), holder)
      return { wait: -wait / 1000, tokens }
    }
    return { wait: 0, tokens }
  }

  async #undo(names: readonly string[], holder: number): Promise<void> {
    const ledger = this.#ledger
    for (const name of names) {
      if (isLocal(ledger)) ledger.reserve(name, 0, -holder)
      else await ledger.run('refund', name, 0, holder)
    }
  }
}

const desks = new WeakMap<Storage, LeaseDesk>()

/** The desk of a storage: one in a process. */
export function deskOf(storage: Storage, clock: Clock | undefined): LeaseDesk {
  let desk = desks.get(storage)
  if (desk === undefined) {
    desk = new LeaseDesk(storage.open(lease(), 'lease', clock))
    desks.set(storage, desk)
  }
  return desk
}
