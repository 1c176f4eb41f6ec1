import type { Format } from '../formats/formats.ts'
import type { Algorithm } from '../judging/limit.ts'
import type { MalformedWhy } from '../reading/counts.ts'

/** The name and version of the object that `advise --json` prints. A field that changes its meaning changes the number. */
export const ADVISE_SCHEMA = 'aioflux/advise@1'

/** Which limits a log calls for: the object that `--json` prints. */
export interface Advice {
  schema: typeof ADVISE_SCHEMA
  requests: number
  keysSeen: number
  malformed: number
  malformedWhy: MalformedWhy
  reordered: number
  late: number
  /** Archives that something follows that is no part of them. */
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
  /** How much was kept to judge, and up to when (`null`: to the end); `null`: all. */
  sampled: { requests: number; keys: number; until: string | null } | null
  limits: AdvisedLimit[]
  /** What limits of rising rates do, for each algorithm. */
  curve: CurvePoint[]
  /** The keys that the advised limits hit, the worst first. */
  hit: Hit[]
  /** What was odd about the log, in words. */
  notes: string[]
}

export interface AdvisedLimit {
  algorithm: Algorithm
  /** The smallest whole rate that denies no more than was asked for. */
  rate: number
  /** What the bucket holds; windows have none. */
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
  /** `peak` divided by what it asks for in one `per` on average, while it is there; 1: as even as can be. */
  burstiness: number
  /** Denied by the first of `limits`, and by each. */
  denied: number
  deniedBy: Partial<Record<Algorithm, number>>
}
