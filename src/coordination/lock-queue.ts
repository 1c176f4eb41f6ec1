import { at, type Cancel } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { Errands } from '../core/errands.ts'
import { isAioFluxError, StorageDownError } from '../core/errors.ts'
import type { Candidate } from './candidate.ts'
import type { LeaseDesk, LeaseWatch } from './lease-desk.ts'
import { safeEnd } from './term.ts'

/** When the storage cannot tell that a lease has ended, all waiting processes ask then: each up to so much later, so that they do not all ask at once. */
const JITTER: Millis = 20
/** After so many leases in a row that stayed in this process, or so long, other processes are given a chance. */
const MOST_IN_A_ROW = 16
const LONGEST_IN_A_ROW: Millis = 50

/**
 * Those in this process who wait for one lock, first come, first served. Only the first of them asks, when it is told that it
 * is worth it: by whoever in this process gives the lock back, by the storage, or by the end of the term of the holder.
 */
export class LockLine {
  readonly names: readonly string[]
  readonly #desk: LeaseDesk
  readonly #waiting = new Set<Candidate>()
  #asking = false
  /** What is being asked. Does not reject. */
  #round: Promise<void> | undefined
  /** What is on its way back. */
  #returns: Errands | undefined
  #again = false
  #watch: LeaseWatch | undefined
  #cancelTimer: Cancel | undefined
  #inARow = 0
  /** When the first of them began. */
  #since: Millis = 0

  constructor(desk: LeaseDesk, names: readonly string[]) {
    this.#desk = desk
    this.names = names
  }

  join(candidate: Candidate): void {
    this.#waiting.add(candidate)
    if (this.#waiting.size === 1) this.#ask()
  }

  /** @returns when what was asked for the candidate has been given back, as far as that can be done */
  leave(candidate: Candidate): Promise<void> {
    if (!this.#waiting.delete(candidate)) return Promise.resolve()
    if (candidate.doubtful) this.#giveBack(candidate)
    const round = this.#asking ? this.#round : undefined
    if (round === undefined && this.#waiting.size === 0) this.#end()
    return Promise.resolve(round).then(() => this.#returns?.done())
  }

  /** It was given back, or lost, in this process. */
  freedHere(): void {
    // All watchers are told, so this process is too, a moment later.
    if (this.#yields()) this.#inARow = 0
    else this.#ask()
  }

  /** True when it is the turn of other processes, and the storage will tell when they give the lease back. */
  #yields(): boolean {
    const [first] = this.#waiting
    if (first === undefined || !this.#watch?.tells()) return false
    const long = first.clock.steady.now() - this.#since >= LONGEST_IN_A_ROW
    return this.#inARow >= MOST_IN_A_ROW || (this.#inARow > 0 && long)
  }

  #freedElsewhere(): void {
    if (!this.#desk.holds(this.names)) this.#ask()
  }

  #ask(): void {
    if (this.#asking) {
      this.#again = true
      return
    }
    this.#asking = true
    this.#cancelTimer?.()
    this.#round = this.#askForFirst().then((wait) => this.#askLater(wait))
  }

  #askLater(wait: Millis): void {
    this.#asking = false
    const [first] = this.#waiting
    if (first === undefined) return this.#end()
    const { steady } = first.clock
    const due = steady.now() + wait + JITTER * Math.random()
    this.#cancelTimer = at(steady, due, () => this.#ask())
  }

  /** Asks for the first candidate, until it has the lease or is told how long to wait. */
  async #askForFirst(): Promise<Millis> {
    for (;;) {
      const [first] = this.#waiting
      if (first === undefined) return 0
      this.#again = false
      if (this.#desk.holds(this.names)) {
        // Whoever has it here will tell us.
        this.#listen()
        return first.term
      }
      const asked = first.clock.moment()
      try {
        const { wait, tokens } = await this.#desk.take(this.names, first.holder, first.term)
        if (wait > 0) {
          this.#inARow = 0
          const { live } = this.#listen()
          // Something has come free since that was answered.
          if (this.#again) continue
          // A wait without an end waits for room in the storage, and no message tells of that.
          return live() && wait < Infinity ? wait : Math.min(wait, first.retry)
        }
        if (!this.#waiting.has(first)) {
          this.#giveBack(first)
          continue
        }
        if (!first.clock.isBefore(safeEnd(asked, first.term))) {
          throw new StorageDownError('the storage took longer to answer than the lease would last')
        }
        if (this.#inARow === 0) this.#since = asked.steady
        this.#inARow += 1
        this.#waiting.delete(first)
        first.grant(asked, tokens)
        // Nobody else here can have it before it is given back, and then we are told.
        return first.term
      } catch (error) {
        first.doubtful = true
        if (isAioFluxError(error, 'STORAGE_DOWN')) {
          if (this.#waiting.has(first)) first.failed(error)
          else this.#giveBack(first)
          return first.retry
        }
        if (this.#waiting.delete(first)) first.refuse(error)
      }
    }
  }

  #listen(): LeaseWatch {
    this.#watch ??= this.#desk.watch(this.names, () => this.#freedElsewhere())
    return this.#watch
  }

  #giveBack({ holder }: Candidate): void {
    // What cannot be given back ends by itself.
    this.#returns ??= new Errands()
    this.#returns.add(this.#desk.release(this.names, holder))
  }

  #end(): void {
    this.#cancelTimer?.()
    this.#watch?.end()
    this.#watch = undefined
    this.#desk.forget(this)
  }
}
