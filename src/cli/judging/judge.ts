import type { Millis } from '../../core/duration.ts'
import type { LogRecord } from '../formats/record.ts'
import { type Algorithm, type Limit, type Limits, limiterOf } from './limit.ts'

/** What the limits said to one record. */
export interface Verdict {
  readonly key: string
  /** The time it was judged at: its own, or for a late one the time the log had reached. */
  readonly time: Millis
  readonly cost: number
  readonly allowed: boolean
  /** Which limit denied it first, by its place in the list; -1 for none. */
  readonly deniedBy: number
}

export interface JudgeOptions {
  readonly algorithm: Algorithm
  readonly limits: readonly Limit[]
  /** The most keys each limit remembers. @default as many as fit a few hundred megabytes */
  readonly room?: number
}

/** Asks the limits about records, on the log's own clock. */
export class Judge {
  /** True if there were ever more keys than the limits can tell apart. Then verdicts on newcomers cannot be relied on. */
  crowded = false
  /** Requests that cost more than a limit can ever let through. They are denied. */
  tooCostly = 0
  readonly #options: JudgeOptions
  /** The time the log has reached. It never goes back. */
  #now: Millis = 0
  #limits: Limits | undefined

  constructor(options: JudgeOptions) {
    this.#options = options
  }

  /** @param records in the order of their times; late ones are judged at the time the log has reached */
  judge(records: readonly LogRecord[]): Verdict[] {
    const verdicts = records.map((record) => this.#judge(record))
    this.crowded ||= this.#limits?.crowded() ?? false
    return verdicts
  }

  #judge({ key, time, cost }: LogRecord): Verdict {
    if (time > this.#now) this.#now = time
    this.#limits ??= this.#start()
    const deniedBy = this.#ask(this.#limits, key, cost)
    return { key, time: this.#now, cost, allowed: deniedBy < 0, deniedBy }
  }

  #ask({ limiter, capacities }: Limits, key: string, cost: number): number {
    // A limiter takes no cost of 0: such a request always passes.
    if (cost === 0) return -1
    if (cost !== 1) {
      const over = capacities.findIndex((capacity) => cost > capacity)
      if (over >= 0) {
        this.tooCostly += 1
        return over
      }
    }
    if (capacities.length === 1) return limiter.allow(key, cost) ? -1 : 0
    const decision = limiter.decide(key, cost)
    return decision.allowed ? -1 : Number(decision.deniedBy)
  }

  #start(): Limits {
    const { algorithm, limits, room } = this.#options
    // From the first record on: microseconds since 1970 would leave fewer bits for the fractions.
    const beginning = this.#now
    return limiterOf(algorithm, limits, { now: () => this.#now - beginning }, room)
  }
}
