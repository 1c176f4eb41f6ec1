import type { Format } from '../formats/formats.ts'
import type { Comparison } from '../judging/comparison.ts'
import type { Judge, Verdict } from '../judging/judge.ts'
import { KeyTally } from '../judging/key-tally.ts'
import type { Algorithm, Limit } from '../judging/limit.ts'
import { Timeline } from '../judging/timeline.ts'
import type { MalformedWhy, ReadCounts } from '../reading/counts.ts'
import type { LimitSet, ReplayOptions } from '../replay-options.ts'
import { replayNotes } from './replay-notes.ts'

/** The name and version of the object that `replay --json` prints. A field that changes its meaning changes the number. */
export const REPLAY_SCHEMA = 'aioflux/replay@1'

/** What the limits would have done: the object that `--json` prints. */
export interface Report {
  schema: typeof REPLAY_SCHEMA
  requests: number
  allowed: number
  denied: number
  /** Lines that could not be read. */
  malformed: number
  malformedWhy: MalformedWhy
  /** Records that stood out of order and were put in their place. */
  reordered: number
  /** Records too far out of order for that; judged at the time the log had reached. */
  late: number
  /** Requests without the field of `--key` (counted under `-`), and without the one of `--cost` (cost 1). */
  missing: { key: number; cost: number }
  /** Requests that cost more than a limit ever lets through; denied. */
  tooCostly: number
  /** When the first and the last record were judged, in ISO 8601. */
  from: string | null
  to: string | null
  algorithm: Algorithm
  /** The field requests were counted by. */
  key: string
  /** The field that holds the cost; `null`: each request costs 1. */
  cost: string | null
  format: Format
  limits: LimitReport[]
  /** The worst hit: most denied first, then most requests. */
  keys: { key: string; requests: number; allowed: number; denied: number }[]
  /** How many keys there were; at most so many when `others` is not null. */
  keysSeen: number
  /** Keys that were not counted one by one because there were too many, together. */
  others: { keys: number; requests: number; allowed: number; denied: number } | null
  /** There were more keys at once than the limits can tell apart: verdicts cannot be relied on. */
  crowded: boolean
  timeline: { from: string; seconds: number; allowed: number; denied: number }[]
  /** What the limits of `--compare` would have done; `null` without. */
  compare: CompareReport | null
  /** What was odd about the log, in words. */
  notes: string[]
}

/** A limit as it was asked for. */
interface AskedLimit {
  /** As typed. */
  limit: string
  rate: number
  /** In seconds. */
  per: number
  burst: number | null
}

export interface LimitReport extends AskedLimit {
  /** Requests that this limit was the first to deny. */
  denied: number
  /** The smallest whole burst with which a token bucket of this rate, alone, would have denied nothing. */
  neededBurst: number
  /** The key that needed it. */
  neededBurstKey: string | null
}

export interface CompareReport {
  algorithm: Algorithm
  limits: AskedLimit[]
  allowed: number
  denied: number
  /** Requests on which both sides agree. */
  agree: number
  /** Requests that only these limits deny. */
  stricter: number
  /** Requests that only the limits of `--limit` deny. */
  looser: number
  /** How many keys both sides hit, and how many only one does. */
  keysHit: { both: number; onlyLimit: number; onlyCompare: number }
  /** There were too many keys to count each. */
  partial: boolean
  /** The keys that the two sides treat most differently. */
  keys: { key: string; requests: number; denied: number; compareDenied: number }[]
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

  report(counts: ReadCounts, judge: Judge, comparison: Comparison | undefined): Report {
    const { algorithm, wanted, format, top, compare } = this.#options
    const { others, seen } = this.#keys
    const report: Report = {
      schema: REPLAY_SCHEMA,
      requests: this.#requests,
      allowed: this.#requests - this.#denied,
      denied: this.#denied,
      malformed: counts.malformed,
      malformedWhy: counts.why,
      reordered: counts.reordered,
      late: counts.late,
      missing: counts.missing,
      tooCostly: judge.tooCostly,
      from: this.#from === undefined ? null : iso(this.#from),
      to: this.#from === undefined ? null : iso(this.#to),
      algorithm,
      key: wanted.key,
      cost: wanted.cost ?? null,
      format,
      limits: this.#limits(),
      keys: this.#keys.top(top).map(({ key, requests, denied }) => ({
        key,
        requests,
        allowed: requests - denied,
        denied,
      })),
      keysSeen: seen,
      others: others.keys === 0 ? null : { ...others, allowed: others.requests - others.denied },
      crowded: judge.crowded,
      timeline: this.#buckets(),
      compare: compare && comparison ? compareReport(compare, comparison, top) : null,
      notes: [],
    }
    report.notes = replayNotes(report)
    return report
  }

  #limits(): LimitReport[] {
    const needed = this.#keys.neededBursts()
    return this.#options.limits.map((limit, i) => ({
      ...asked(limit),
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

function compareReport(
  { algorithm, limits }: LimitSet,
  comparison: Comparison,
  top: number,
): CompareReport {
  const { allowed, denied, agree, stricter, looser, partial } = comparison
  const { both, first, second } = comparison.hit()
  return {
    algorithm,
    limits: limits.map(asked),
    allowed,
    denied,
    agree,
    stricter,
    looser,
    keysHit: { both, onlyLimit: first, onlyCompare: second },
    partial,
    keys: comparison.top(top).map(({ key, requests, denied, otherDenied }) => ({
      key,
      requests,
      denied,
      compareDenied: otherDenied,
    })),
  }
}

function asked({ text, rate, per, burst }: Limit): AskedLimit {
  return { limit: text, rate, per: per / 1e6, burst }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
