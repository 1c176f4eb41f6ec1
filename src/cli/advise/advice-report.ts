import type { Format } from '../formats/formats.ts'
import type { Algorithm } from '../judging/limit.ts'
import type { MalformedWhy } from '../reading/counts.ts'

/** The name and version of the object that `advise --json` prints. A field that changes its meaning changes the number. */
export const ADVISE_SCHEMA = 'aioflux/advise@1'

/** The limits that fit a log: the object that `--json` prints. */
export interface Advice {
  schema: typeof ADVISE_SCHEMA
  requests: number
  keysSeen: number
  malformed: number
  malformedWhy: MalformedWhy
  reordered: number
  late: number
  /** Archives with other bytes behind their end. */
  junkFiles: number
  missing: { key: number; cost: number }
  from: string | null
  to: string | null
  key: string
  cost: string | null
  format: Format
  /** In seconds. */
  per: number
  /** The share that may be denied, from 0 to 1. */
  deny: number
  by: 'requests' | 'keys'
  /** False when the log was too large for every key, or for every rate. `notes` say which. */
  exact: boolean
  /** The part of the log that was judged, and its end (`null`: the end of the log); `null` when all of it was. */
  sampled: { requests: number; keys: number; until: string | null } | null
  limits: AdvisedLimit[]
  /** The effect of limits with rising rates, for each algorithm. */
  curve: CurvePoint[]
  /** The keys that the advised limits hit, the worst first. */
  hit: Hit[]
  /** Remarks on the log, in words. */
  notes: string[]
}

export interface AdvisedLimit {
  algorithm: Algorithm
  /** The smallest whole rate that denies no more than was asked for. */
  rate: number
  /** The capacity of the bucket; windows have none. */
  burst?: number
  denied: number
  deniedKeys: number
  /** Where the curve bends most: a higher limit spares few more requests. `null` where it has no bend. */
  knee: { rate: number; denied: number; deniedKeys: number } | null
  /** The line to paste. */
  code: string
}

export interface CurvePoint {
  algorithm: Algorithm
  rate: number
  denied: number
  deniedKeys: number
}

export interface Hit {
  key: string
  requests: number
  /** The most it asked for within one `per`. */
  peak: number
  /** `peak` divided by the mean of one `per`, from the first request of the key to its last; 1 is even. */
  burstiness: number
  /** Denied by the first of `limits`, and by each. */
  denied: number
  deniedBy: Partial<Record<Algorithm, number>>
}
