import { BackgroundTasks } from '../core/background-tasks.ts'
import { at, type Cancel, isDue } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { isAioFluxError, StorageDownError } from '../core/errors.ts'
import { type LeaseRequest, type LeaseWatch, TURN } from '../core/lease-store.ts'
import type { WaitingQueue } from './lock-queues.ts'
import type { LockRequest, RequestQueue } from './lock-request.ts'
import type { SharedLeases } from './shared-leases.ts'
import { safeEnd } from './term.ts'

/** Where the storage cannot tell that a lease has ended, all waiting processes ask at the end of its term, each up to this much later at random: not all at once. */
const JITTER: Millis = 20
/** After this many leases in a row in this process, or this time, the turn of other processes begins. */
const MOST_IN_A_ROW = 16
const LONGEST_IN_A_ROW: Millis = 50

/**
 * The callers of this process that wait for one lock, or for several at once: first come, first served. Only the first request of the
 * queue is sent. It is sent again when the lock may be free: another caller of this process has given it back, the storage
 * says so, or the term of the holder is over.
 */
export class LockQueue implements RequestQueue, WaitingQueue {
  readonly names: readonly string[]
  readonly #leases: SharedLeases
  readonly #waiting = new Set<LockRequest>()
  #asking = false
  /** The request that is under way. Does not reject. */
  #round: Promise<void> | undefined
  /** Releases that the storage has not answered yet. */
  #returns: BackgroundTasks | undefined
  #again = false
  /** The names that have come free elsewhere since the request under way was sent; `undefined` for none. */
  #heard: Set<string> | undefined
  /** The names that were the cause of the last denial, where the storage tells. */
  #denied: readonly string[] | undefined
  #watch: LeaseWatch | undefined
  #cancelTimer: Cancel | undefined
  #inARow = 0
  /** When the first of these leases began. */
  #since: Millis = 0
  /** The tokens of the last of these leases. */
  #tokens: readonly number[] = []
  /** Until when other processes go first; set while it is their turn. */
  #turnUntil: Millis | undefined

  constructor(leases: SharedLeases, names: readonly string[]) {
    this.#leases = leases
    this.names = names
    leases.queues.add(this)
  }

  /** The queue for these names; a new one where no caller waits for them yet. */
  static of(leases: SharedLeases, names: readonly string[]): RequestQueue {
    // Every queue in the registry was made here.
    return (leases.queues.find(names) as LockQueue | undefined) ?? new LockQueue(leases, names)
  }

  join(request: LockRequest): void {
    this.#waiting.add(request)
    if (this.#waiting.size === 1) this.#ask()
  }

  leave(request: LockRequest): Promise<void> {
    if (!this.#waiting.delete(request)) return Promise.resolve()
    if (request.doubtful) this.#giveBack(request)
    const round = this.#asking ? this.#round : undefined
    if (round === undefined && this.#waiting.size === 0) this.#end()
    return Promise.resolve(round).then(() => this.#returns?.done())
  }

  freedHere(): void {
    const first = this.#first
    if (first !== undefined && this.#yields(first)) {
      this.#inARow = 0
      this.#turnUntil = first.clock.steady.now() + TURN
    }
    this.#ask()
  }

  /** True when it is the turn of other processes, and the storage can let them go first. */
  #yields(first: LockRequest): boolean {
    if (!this.#leases.takesTurns) return false
    const long = first.clock.steady.now() - this.#since >= LONGEST_IN_A_ROW
    return this.#inARow >= MOST_IN_A_ROW || (this.#inARow > 0 && long)
  }

  #freedElsewhere(name: string | undefined): void {
    if (this.#leases.holds(this.names)) return
    if (name === undefined) this.#ask()
    else if (this.#asking) {
      this.#heard ??= new Set()
      this.#heard.add(name)
    } else if (this.#isCause(name)) this.#ask()
  }

  /**
   * False where another one of the names is held. Names that are taken one after the other are given back at a denial, and giving back
   * wakes other processes: two processes would wake each other without end.
   */
  #isCause(name: string): boolean {
    return this.#denied === undefined || this.#denied.includes(name)
  }

  /** True where the last answer is not up to date. */
  #isStale(): boolean {
    return this.#again || [...(this.#heard ?? [])].some((name) => this.#isCause(name))
  }

  /** The request that has waited longest. */
  get #first(): LockRequest | undefined {
    return this.#waiting.values().next().value
  }

  #ask(): void {
    if (this.#asking) {
      this.#again = true
      return
    }
    this.#asking = true
    this.#cancelTimer?.()
    this.#round = this.#goRound()
  }

  async #goRound(): Promise<void> {
    const wait = await this.#askForFirst()
    this.#asking = false
    const first = this.#first
    if (first === undefined) return this.#end()
    // The lease has become free while this round ran, after its question was sent.
    if (this.#isStale()) return this.#ask()
    const { steady } = first.clock
    const due = steady.now() + wait + JITTER * Math.random()
    this.#cancelTimer = at(steady, due, () => this.#ask())
  }

  /** Asks for the first request, until it has the lease or is told how long to wait. */
  async #askForFirst(): Promise<Millis> {
    for (;;) {
      const first = this.#first
      if (first === undefined) return 0
      this.#again = false
      this.#heard = undefined
      if (this.#leases.holds(this.names)) {
        // The holder is in this process: this queue is told when the lease is given back.
        this.#listen()
        return first.call.term
      }
      const listened = this.#watch !== undefined
      const asked = first.clock.moment()
      try {
        const { wait, tokens, denied } = await this.#leases.acquire({
          names: this.names,
          holder: first.call.holder,
          term: first.call.term,
          ...this.#turn(first),
        })
        if (wait > 0) {
          this.#inARow = 0
          this.#denied = denied
          const { live } = this.#listen()
          // A lease has become free since the answer, or the message about it may have come before this queue listened. While the
          // subscription is not live yet, the storage calls when it is.
          if (this.#isStale() || (!listened && live())) continue
          // A wait of no known length is a wait for room in the storage; no message is sent when there is room.
          return live() && wait < Infinity ? wait : Math.min(wait, first.retry)
        }
        if (!this.#waiting.has(first)) {
          this.#giveBack(first)
          continue
        }
        if (!first.clock.isBefore(safeEnd(asked, first.call.term))) {
          throw new StorageDownError('the storage took longer to answer than the lease would last')
        }
        if (this.#inARow === 0) this.#since = asked.steady
        this.#inARow += 1
        this.#tokens = tokens
        this.#turnUntil = undefined
        this.#denied = undefined
        this.#waiting.delete(first)
        first.grant(asked, tokens)
        // No other caller of this process can get the lease before it is given back, and then this queue is told.
        return first.call.term
      } catch (error) {
        first.doubtful = true
        this.#denied = undefined
        if (isAioFluxError(error, 'STORAGE_DOWN')) {
          if (this.#waiting.has(first)) first.failed(error)
          else this.#giveBack(first)
          return first.retry
        }
        if (this.#waiting.delete(first)) first.refuse(error)
      }
    }
  }

  /** What a request says while it is the turn of other processes, or when that is over. */
  #turn({ clock }: LockRequest): Pick<LeaseRequest, 'after'> | undefined {
    if (this.#turnUntil === undefined) return undefined
    return { after: { tokens: this.#tokens, over: isDue(this.#turnUntil, clock.steady.now()) } }
  }

  #listen(): LeaseWatch {
    this.#watch ??= this.#leases.watch(this.names, (name) => this.#freedElsewhere(name))
    return this.#watch
  }

  #giveBack({ call }: LockRequest): void {
    // A lease that cannot be given back ends by itself.
    this.#returns ??= new BackgroundTasks()
    this.#returns.add(this.#leases.release(this.names, call.holder))
  }

  #end(): void {
    this.#cancelTimer?.()
    this.#watch?.end()
    this.#watch = undefined
    this.#leases.queues.delete(this)
  }
}
