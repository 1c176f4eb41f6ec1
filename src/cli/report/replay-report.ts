import type { Format } from '../formats/formats.ts'
import type { Algorithm } from '../judging/limit.ts'
import type { MalformedWhy } from '../reading/counts.ts'

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
  /** Archives that something follows that is no part of them. */
  junkFiles: number
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
export interface AskedLimit {
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
