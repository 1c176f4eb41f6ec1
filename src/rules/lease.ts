import { known } from '../core/check.ts'
import { type Duration, type Micros, toPositiveMicros } from '../core/duration.ts'
import type { QuotaChange, Rule, State } from '../core/rule.ts'

export interface LeaseOptions {
  /**
   * The longest term of a lease, and how long its fence is remembered after it has ended.
   * @default '1d'
   */
  memory?: Duration
}

/**
 * The one holder that may act, and until when: a lock that ends by itself when its holder dies
 * (C. Gray, D. Cheriton, Leases, SOSP 1989).
 *
 * Here the cost of a `reserve` is the term asked for, in microseconds, and its last argument is not a wait but the number
 * of the holder. Above 0 it takes the lease if it is free, or goes on with it if it is that holder's; the holder `-n`
 * only goes on with what `n` has, so that a lease that was lost stays lost. A term of 0 gives it back.
 *
 * Each time it changes hands it gets a new *fence*, the rule's `token`, larger than all before: the time in microseconds,
 * or the fence before plus one where that is more. So fences rise even where the state was lost, unless the clock was set
 * back meanwhile; and where the clock was set back, unless the state was lost.
 */
export function lease(options: LeaseOptions = {}): Rule {
  return new Lease(options)
}

/** State: `[holder, fence, until]`. It outlives the lease, for the sake of the fence. */
class Lease implements Rule {
  readonly kind = 'lease'
  readonly capacity: Micros
  readonly span: Micros
  readonly params: Readonly<Record<string, number>>

  constructor(options: LeaseOptions) {
    const { memory = '1d' } = options
    this.capacity = toPositiveMicros('memory', memory)
    this.span = 2 * this.capacity
    this.params = { memory: this.capacity }
  }

  fresh(_now: Micros): State {
    return [0, 0, 0]
  }

  reserve(state: State, now: Micros, term: Micros, holder: number): Micros {
    const until = this.#until(state, now)
    if (holder < 0) {
      if (until <= now || state[0] !== -holder) return -Infinity
    } else if (until <= now) {
      state[0] = holder
      state[1] = Math.max((state[1] as number) + 1, now)
    } else if (state[0] !== holder) {
      return now - until
    }
    state[2] = now + term
    return 0
  }

  /** @param due the number of the holder that gives it back, beyond now */
  refund(state: State, now: Micros, _term: Micros, due: Micros = now): void {
    this.reserve(state, now, 0, now - due)
  }

  remaining(state: State, now: Micros): Micros {
    return this.#until(state, now) > now ? 0 : this.capacity
  }

  idleAfter(state: State, now: Micros): Micros {
    return state[1] === 0 ? 0 : Math.max(0, (state[2] as number) + this.capacity - now)
  }

  token(state: State): number {
    return state[1] as number
  }

  with(change: QuotaChange): Rule {
    known('a lease', change, {})
    return this
  }

  /** Until when it is held. Further ahead than any term can reach, it is the time of another clock. */
  #until(state: State, now: Micros): Micros {
    const until = state[2] as number
    return until - now > this.span ? now : until
  }
}
