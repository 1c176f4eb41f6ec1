import type { Judge, Verdict } from './judge.ts'
import { KeyTally } from './key-tally.ts'
import type { Algorithm } from './limit.ts'
import type { ReplayOptions } from './options.ts'
import { Timeline } from './timeline.ts'

/** What the limits would have done: the object that `--json` prints. */
export interface Report {
  requests: number
  allowed: number
  denied: number
  /** Lines that could not be read. */
  malformed: number
  /** Records that stood out of order and were put in their place. */
  reordered: number
  /** Records too far out of order for that; judged at the time the log had reached. */
  late: number
  /** When the first and the last record were judged, in ISO 8601. */
  from: string | null
  to: string | null
  algorithm: Algorithm
  /** The field requests were counted by. */
  key: string
  limits: LimitReport[]
  /** The worst hit: most denied first, then most requests. */
  keys: { key: string; requests: number; allowed: number; denied: number }[]
  /** How many keys there were; at most so many when `others` is not null. */
  keysSeen: number
  /** Keys that were not counted one by one because there were too many, together. */
  others: { keys: number; requests: number; allowed: number; denied: number } | null
  /** Keys the limiter forgot for want of room. */
  evicted: number
  timeline: { from: string; seconds: number; allowed: number; denied: number }[]
}

export interface LimitReport {
  /** As typed. */
  limit: string
  rate: number
  /** In seconds. */
  per: number
  burst: number | null
  /** Requests that this limit was the first to deny. */
  denied: number
  /** The smallest whole burst with which a token bucket of this rate, alone, would have denied nothing. */
  neededBurst: number
  /** The key that needed it. */
  neededBurstKey: string | null
}

/** Adds up verdicts, in bounded memory. */
export class Tally {
  readonly #options: ReplayOptions
  readonly #keys: KeyTally
  readonly #timeline = new Timeline()
  readonly #deniedBy: number[]
  #requests = 0
  #denied = 0
  #from: number | undefined
  #to = 0

  constructor(options: ReplayOptions) {
    this.#options = options
    this.#keys = new KeyTally(options.limits)
    this.#deniedBy = options.limits.map(() => 0)
  }

  add(verdict: Verdict): void {
    this.#requests += 1
    if (!verdict.allowed) {
      this.#denied += 1
      this.#deniedBy[verdict.deniedBy] = (this.#deniedBy[verdict.deniedBy] ?? 0) + 1
    }
    this.#from ??= verdict.time
    this.#to = verdict.time
    this.#keys.add(verdict)
    this.#timeline.add(verdict.time, verdict.allowed)
  }

  async report(judge: Judge): Promise<Report> {
    const { algorithm, key, top } = this.#options
    const { others, seen } = this.#keys
    return {
      requests: this.#requests,
      allowed: this.#requests - this.#denied,
      denied: this.#denied,
      malformed: judge.malformed,
      reordered: judge.reordered,
      late: judge.late,
      from: this.#from === undefined ? null : iso(this.#from),
      to: this.#from === undefined ? null : iso(this.#to),
      algorithm,
      key,
      limits: this.#limits(),
      keys: this.#keys.top(top).map(({ key, requests, denied }) => ({
        key,
        requests,
        allowed: requests - denied,
        denied,
      })),
      keysSeen: seen,
      others: others.keys === 0 ? null : { ...others, allowed: others.requests - others.denied },
      evicted: await judge.evicted(),
      timeline: this.#buckets(),
    }
  }

  #limits(): LimitReport[] {
    const needed = this.#keys.neededBursts()
    return this.#options.limits.map(({ text, rate, per, burst }, i) => ({
      limit: text,
      rate,
      per: per / 1e6,
      burst,
      denied: this.#deniedBy[i] as number,
      neededBurst: needed[i]?.burst ?? 0,
      neededBurstKey: needed[i]?.key ?? null,
    }))
  }

  #buckets(): Report['timeline'] {
    const { buckets, start, width } = this.#timeline
    return buckets.map(({ allowed, denied }, i) => ({
      from: iso(start + i * width),
      seconds: width / 1000,
      allowed,
      denied,
    }))
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
