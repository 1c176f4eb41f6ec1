import { at, type Cancel, type Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { LeaseLostError } from '../../core/errors.ts'
import type { Claim, Ending, JobStore } from '../store/job-store.ts'
import type { Attempt } from './attempt.ts'

/** A claim that this process has. */
export interface HeldClaim {
  readonly claim: Claim
  /** The attempt at it, once a worker has begun. */
  attempt: Attempt | undefined
}

/** What the claims that are held tell. */
export interface HeldClaimsListener {
  /** The store has not renewed this claim: another process may have it. */
  lost(id: string, delivery: number): void
  /** The store has kept how a claim ended, or refused to. */
  settled(claim: Claim): void
  trouble(error: unknown): void
}

/** The claims of this process: keeps their leases alive until they are settled, and settles them. */
export class HeldClaims {
  readonly #store: JobStore
  readonly #clock: Clock
  readonly #lease: Millis
  readonly #listener: HeldClaimsListener
  /** All that is claimed and not settled, by id. */
  readonly #held = new Map<string, HeldClaim>()
  /** Claims whose settle is under way, by id: a job that was given back may be claimed again, and end, before that is answered. */
  readonly #ending = new Map<string, Claim[]>()
  #settling = 0
  #renewal: Cancel | undefined
  #closed = false

  constructor(store: JobStore, clock: Clock, lease: Millis, listener: HeldClaimsListener) {
    this.#store = store
    this.#clock = clock
    this.#lease = lease
    this.#listener = listener
  }

  /** How many claims are held. */
  get size(): number {
    return this.#held.size
  }

  /** How many settles are under way. */
  get settling(): number {
    return this.#settling
  }

  /** True when that job is held here, or its end is under way. */
  has(id: string): boolean {
    return this.#held.has(id) || this.#ending.has(id)
  }

  /** The claim of that job, where it is of this delivery. */
  find(id: string, delivery: number): HeldClaim | undefined {
    const held = this.#held.get(id)
    return held?.claim.delivery === delivery ? held : undefined
  }

  hold(claim: Claim): void {
    const { id } = claim.record
    // A claim that is lost, and whose job is claimed here again before that is known.
    const other = this.#held.get(id)
    if (other !== undefined) this.#listener.lost(id, other.claim.delivery)
    this.#held.set(id, { claim, attempt: undefined })
    this.keepAlive()
  }

  /** A worker begins with a claim, which is held from now on if it was not. */
  begin(claim: Claim, attempt: Attempt): void {
    const { id } = claim.record
    if (this.#held.get(id)?.claim !== claim) this.hold(claim)
    ;(this.#held.get(id) as HeldClaim).attempt = attempt
  }

  /** The claim of that job is lost. */
  lose(id: string): void {
    this.#held.delete(id)
  }

  /** A claim is about to be settled. Answers `false` where it is not held any more. */
  leave(claim: Claim): boolean {
    const { id } = claim.record
    if (this.#held.get(id)?.claim !== claim) return false
    this.#held.delete(id)
    this.#settling += 1
    const others = this.#ending.get(id)
    if (others === undefined) this.#ending.set(id, [claim])
    else others.push(claim)
    return true
  }

  /**
   * Tells the store how a claim has ended that has left. Each job passes here, so no promise is made without need.
   *
   * @param attempt is told where its claim was lost: a handler that ends in the turn after the event loop was blocked may end
   * before it was told
   */
  settle(claim: Claim, ending: Ending, attempt: Attempt | undefined): Promise<boolean> {
    const over = () => {
      this.#settling -= 1
      this.#forget(claim)
      this.#listener.settled(claim)
    }
    return Promise.resolve(this.#store.settle([{ claim, ending }])).then(
      ([kept]) => {
        over()
        if (kept !== true) attempt?.abort(lossOf(claim))
        return kept === true
      },
      (error: unknown) => {
        over()
        throw error
      },
    )
  }

  /** The settle of a claim is answered. */
  #forget(claim: Claim): void {
    const { id } = claim.record
    const others = this.#ending.get(id)?.filter((each) => each !== claim) ?? []
    if (others.length === 0) this.#ending.delete(id)
    else this.#ending.set(id, others)
  }

  /** Holds all claims for another lease. The store tells of claims that are lost, or not wanted any more. */
  renew(): void {
    if (this.#held.size === 0) return
    const claims = [...this.#held.values()].map(({ claim }) => claim)
    Promise.resolve(this.#store.extend(claims, this.#lease)).then(
      (kept) => {
        for (const [i, { record, delivery }] of claims.entries()) {
          if (kept[i] === false) this.#listener.lost(record.id, delivery)
        }
      },
      (error: unknown) => this.#listener.trouble(error),
    )
  }

  /** Holds claims for longer whose answer was long under way: their lease is counted from `asked`, and the next round could be too late. */
  renewIfLate(asked: Millis): void {
    if (this.#clock.now() - asked >= this.#lease / 3) this.renew()
  }

  /** Renews all claims at a third of their lease, again and again, and keeps the process alive. */
  keepAlive(): void {
    // A claim whose answer comes after the end goes back, and is not renewed.
    if (this.#closed) return
    this.#renewal ??= at(this.#clock, this.#clock.now() + this.#lease / 3, () => {
      this.#renewal = undefined
      this.renew()
      this.keepAlive()
    })
  }

  close(): void {
    this.#closed = true
    this.#renewal?.()
    this.#renewal = undefined
  }
}

/** What an attempt is told whose claim is lost. */
export function lossOf({ record, delivery }: Claim): LeaseLostError {
  const why = 'was lost: another process may have the job'
  return new LeaseLostError(`job ${record.id}`, delivery, why)
}
