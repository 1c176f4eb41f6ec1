import type { Comparison } from '../judging/comparison.ts'
import type { Judge, Verdict } from '../judging/judge.ts'
import { KeyTally } from '../judging/key-tally.ts'
import type { Limit } from '../judging/limit.ts'
import { Timeline } from '../judging/timeline.ts'
import type { ReadCounts } from '../reading/counts.ts'
import type { LimitSet, ReplayOptions } from '../replay-options.ts'
import { replayNotes } from './replay-notes.ts'
import {
  type AskedLimit,
  type CompareReport,
  type LimitReport,
  REPLAY_SCHEMA,
  type Report,
} from './replay-report.ts'

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
      junkFiles: counts.junkFiles,
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
