import type { Clock } from '../core/clock.ts'
import type { Micros, Millis } from '../core/duration.ts'
import { isLocal, type Ledger, type RemoteLedger, type Storage } from '../core/storage.ts'
import { lease } from '../rules/lease.ts'
import { ByName } from './by-name.ts'
import { LockLine } from './lock-line.ts'

/** Whoever holds a lease is known by a number, drawn at random from so many bits. */
const HOLDER_BITS = 48

/** The answer of the storage to a request for a lease. */
export interface Answer {
  /** 0 for yes, or how long until it may be free. */
  readonly wait: Millis
  /** The fence of each name. */
  readonly tokens: readonly number[]
}

/** A caller that is told when a lease becomes free. */
export interface LeaseWatch {
  /** True when the caller will be told, as far as the storage knows. */
  live(): boolean
  /** True when the storage also tells of leases that this process itself gives back. */
  tells(): boolean
  end(): void
}

/**
 * Where a process asks one storage for leases, the same way whether it answers at once or from afar. All coordinators of a
 * process that share a storage share its desk, so that each lock has one line in the process, and one of it asks.
 */
export class LeaseDesk {
  readonly #ledger: Ledger | RemoteLedger
  readonly #lines = new ByName<LockLine>()
  /** The lines for several names, by all of them. */
  readonly #joint = new Map<string, LockLine>()
  /** For each name, the lines for several names with it among them. */
  readonly #about = new Map<string, Set<LockLine>>()
  /** What is held in this process. */
  readonly #held = new ByName<true>()

  constructor(ledger: Ledger | RemoteLedger) {
    this.#ledger = ledger
  }

  static newHolder(): number {
    return Math.floor(Math.random() * 2 ** HOLDER_BITS) + 1
  }

  /** The callers that wait for all of `names` together. */
  line(names: readonly string[]): LockLine {
    const known = this.#find(names)
    if (known !== undefined) return known
    const line = new LockLine(this, names)
    if (names.length === 1) {
      this.#lines.set(names[0] as string, line)
      return line
    }
    this.#joint.set(JSON.stringify(names), line)
    for (const name of names) {
      const about = this.#about.get(name)
      if (about === undefined) this.#about.set(name, new Set([line]))
      else about.add(line)
    }
    return line
  }

  /** True when a caller of this process waits for all of `names`: it gets the leases that become free. */
  isAwaited(names: readonly string[]): boolean {
    return this.#find(names) !== undefined
  }

  /** No caller waits in this line any more. */
  forget({ names }: LockLine): void {
    if (names.length === 1) return this.#lines.delete(names[0] as string)
    const id = JSON.stringify(names)
    const line = this.#joint.get(id) as LockLine
    this.#joint.delete(id)
    for (const name of names) {
      const about = this.#about.get(name)
      about?.delete(line)
      if (about?.size === 0) this.#about.delete(name)
    }
  }

  /** Takes all of `names`, or none. Asking again by the same number takes nothing twice. */
  take(names: readonly string[], holder: number, term: Millis): Promise<Answer> {
    return this.#all(names, Math.ceil(term * 1000), holder)
  }

  /** Renews the leases held under that number. @returns false when one of them is held no more */
  async renew(names: readonly string[], holder: number, term: Millis): Promise<boolean> {
    return (await this.#all(names, Math.ceil(term * 1000), -holder)).wait <= 0
  }

  /** Gives back the leases held under that number. @returns true when the storage still knows the last fences it gave, `tokens` */
  release(
    names: readonly string[],
    holder: number,
    tokens: readonly number[] = [],
  ): Promise<boolean> {
    const each = names.map((name, i) => this.#giveBack(name, holder, tokens[i]))
    // After the release was sent and before its answer: the next caller asks in the same trip.
    this.#freed(names)
    if (each.length === 1) return each[0] as Promise<boolean>
    return Promise.all(each).then((known) => known.every((one) => one))
  }

  /** This process holds the leases from now on. */
  begin(names: readonly string[]): void {
    for (const name of names) this.#held.set(name, true)
  }

  /** This process holds them no more. */
  end(names: readonly string[]): void {
    for (const name of names) this.#held.delete(name)
  }

  /** As {@link end}, and not because it was given back. */
  lost(names: readonly string[]): void {
    this.end(names)
    this.#freed(names)
  }

  /** True when this process holds one of them: then its release tells when it is free. */
  holds(names: readonly string[]): boolean {
    return names.some((name) => this.#held.get(name))
  }

  /**
   * Calls `freed` when another process has given one of them back, as far as the storage can tell.
   */
  watch(names: readonly string[], freed: () => void): LeaseWatch {
    const ledger = this.#ledger
    // Only this desk can give it back.
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

  #find(names: readonly string[]): LockLine | undefined {
    if (names.length === 1) return this.#lines.get(names[0] as string)
    return this.#joint.get(JSON.stringify(names))
  }

  #freed(names: readonly string[]): void {
    for (const name of names) {
      this.#lines.get(name)?.freedHere()
      if (this.#about.size === 0) continue
      const about = this.#about.get(name)
      if (about !== undefined) for (const line of [...about]) line.freedHere()
    }
  }

  #giveBack(name: string, holder: number, token: number | undefined): Promise<boolean> {
    const ledger = this.#ledger
    if (isLocal(ledger)) return Promise.resolve(ledger.reserve(name, 0, -holder) === 0)
    return ledger.run('refund', name, 0, holder).then((verdict) => verdict.token === token)
  }

  #all(names: readonly string[], term: Micros, holder: number): Promise<Answer> {
    const ledger = this.#ledger
    if (isLocal(ledger)) return this.#oneByOne(names, term, holder)
    if (names.length === 1) {
      return ledger
        .run('reserve', names[0] as string, term, holder)
        .then(({ wait, token }) => ({ wait: -wait / 1000, tokens: [token as number] }))
    }
    if (!ledger.storage.joins(names)) return this.#oneByOne(names, term, holder)
    const ledgers = names.map(() => ledger)
    return ledger.storage.runAll('reserve', ledgers, names, term, holder).then((verdicts) => ({
      wait: Math.max(...verdicts.map(({ wait }) => -wait / 1000)),
      tokens: verdicts.map(({ token }) => token as number),
    }))
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
