import type { AdviseOptions } from '../advise-options.ts'
import type { Format } from '../formats/formats.ts'
import type { Algorithm } from '../judging/limit.ts'
import type { MalformedWhy, ReadCounts } from '../reading/counts.ts'
import { adviceNotes } from '../report/advice-notes.ts'
import { kneeOf, ratesUpTo } from './curve.ts'
import { peakOf } from './denials.ts'
import { Effects } from './effects.ts'
import type { History, Requests } from './history.ts'
import { smallestRate } from './search.ts'
import { allowance } from './share.ts'

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

/** A curve has at most so many points for each algorithm; fewer where a point takes long. */
const POINTS = 40
const FEW_POINTS = 24
const LARGE = 2_000_000

/** @param say is told what is being done, for a terminal */
export function advise(
  options: AdviseOptions,
  history: History,
  counts: ReadCounts,
  say: (text: string) => void = () => {},
): Advice {
  const { wanted, format, algorithms, per, by, deny, top } = options
  const { requests: total, from, to, keys, thinned, keptUntil } = history
  const requests = history.grouped()
  say('sorting keys')
  const effects = new Effects(requests, per)
  const costly = requests.costs !== undefined
  const most = allowance(deny, by === 'requests' ? effects.requests : effects.keys)
  const found = algorithms.map((algorithm) => {
    say(`searching: ${algorithm}`)
    const fits = ({ denied, deniedKeys }: { denied: number; deniedKeys: number }) =>
      (by === 'requests' ? denied : deniedKeys) <= most
    return { algorithm, ...smallestRate(effects, algorithm, costly, fits) }
  })
  const empty = total === 0
  // What is weighed stands for all requests; where keys were left out, not by quite the right factor.
  const factor = effects.requests === 0 ? 1 : total / effects.requests
  const scaled = (algorithm: Algorithm, rate: number): CurvePoint => {
    const { denied, deniedKeys } = effects.of(algorithm, rate)
    return { algorithm, rate, denied: Math.round(denied * factor), deniedKeys }
  }
  const advice: Advice = {
    schema: ADVISE_SCHEMA,
    requests: total,
    keysSeen: effects.keys,
    malformed: counts.malformed,
    malformedWhy: counts.why,
    reordered: counts.reordered,
    late: counts.late,
    missing: counts.missing,
    from: from === undefined ? null : new Date(from).toISOString(),
    to: from === undefined ? null : new Date(to).toISOString(),
    key: wanted.key,
    cost: wanted.cost ?? null,
    format,
    per: per / 1e6,
    deny: deny.value,
    by,
    exact: thinned === 0 && found.every(({ smallest }) => smallest),
    sampled:
      thinned === 0
        ? null
        : {
            requests: effects.size,
            keys: keys.length,
            until: keptUntil === undefined ? null : new Date(keptUntil).toISOString(),
          },
    limits: [],
    curve: [],
    hit: [],
    notes: [],
  }
  if (!empty) {
    const rates = ratesUpTo(effects.highest, effects.size > LARGE ? FEW_POINTS : POINTS)
    for (const { algorithm, rate } of found) {
      const all = [...new Set([...rates, rate])].sort((a, b) => a - b)
      const points = all.map((each) => {
        say(`drawing: ${algorithm} ${each}`)
        return scaled(algorithm, each)
      })
      const share = (point: CurvePoint) => ({ rate: point.rate, share: point.denied / total })
      const knee = kneeOf(points.map(share))
      advice.curve.push(...points)
      advice.limits.push({
        ...scaled(algorithm, rate),
        ...(algorithm.endsWith('bucket') ? { burst: rate } : {}),
        knee: knee === undefined ? null : withoutName(scaled(algorithm, knee.rate)),
        code: codeOf(algorithm, rate, options.perText),
      })
    }
    advice.hit = hitBy(advice.limits, effects, requests, keys, per, top)
  }
  advice.notes = adviceNotes(
    advice,
    found.filter(({ smallest }) => !smallest).map(({ algorithm }) => algorithm),
  )
  return advice
}

function withoutName({ rate, denied, deniedKeys }: CurvePoint) {
  return { rate, denied, deniedKeys }
}

const FACTORIES: Readonly<Record<Algorithm, string>> = {
  'token-bucket': 'tokenBucket',
  'sliding-window': 'slidingWindow',
  'leaky-bucket': 'leakyBucket',
  'fixed-window': 'fixedWindow',
}

function codeOf(algorithm: Algorithm, rate: number, per: string): string {
  const duration = /^[\d.]+$/.test(per) ? per : `'${per}'`
  return `const limiter = LimiterFactory.${FACTORIES[algorithm]}({ rate: ${rate}, per: ${duration} })`
}

function hitBy(
  limits: readonly AdvisedLimit[],
  effects: Effects,
  requests: Requests,
  keys: readonly string[],
  per: number,
  top: number,
): Hit[] {
  const denied = new Map<number, Partial<Record<Algorithm, number>>>()
  for (const { algorithm, rate } of limits) {
    for (const { id, denied: count } of effects.hit(algorithm, rate)) {
      const own = denied.get(id) ?? {}
      own[algorithm] = count
      denied.set(id, own)
    }
  }
  const worst = (id: number) => Math.max(...Object.values(denied.get(id) ?? {}))
  const first = limits[0]?.algorithm as Algorithm
  return [...denied.keys()]
    .sort((a, b) => worst(b) - worst(a) || ((keys[a] as string) < (keys[b] as string) ? -1 : 1))
    .slice(0, top)
    .map((id) => {
      const deniedBy = denied.get(id) ?? {}
      return {
        key: keys[id] as string,
        ...habits(requests, id, per),
        denied: deniedBy[first] ?? 0,
        deniedBy,
      }
    })
}

/** How a key asks. */
function habits({ times, costs, starts, weights }: Requests, id: number, per: number) {
  const [begin, end] = [starts[id] as number, starts[id + 1] as number]
  const peak = peakOf({ times, costs, starts, weights }, begin, end, per)
  let sum = 0
  for (let i = begin; i < end; i++) sum += costs === undefined ? 1 : (costs[i] as number)
  // The time that a key is there: from its first request to one `per` after its last.
  const span = (times[end - 1] as number) - (times[begin] as number) + per
  const burstiness = peak / ((sum * per) / span)
  return { requests: end - begin, peak, burstiness: Math.round(burstiness * 10) / 10 }
}
