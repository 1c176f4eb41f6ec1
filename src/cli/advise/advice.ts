import type { AdviseOptions } from '../advise-options.ts'
import type { Algorithm } from '../judging/limit.ts'
import type { ReadCounts } from '../reading/counts.ts'
import { adviceNotes } from '../report/advice-notes.ts'
import {
  ADVISE_SCHEMA,
  type Advice,
  type AdvisedLimit,
  type CurvePoint,
  type Hit,
} from './advice-report.ts'
import { kneeOf, ratesUpTo } from './curve.ts'
import { peakOf } from './denials.ts'
import { Effects } from './effects.ts'
import type { History, Requests } from './history.ts'
import { smallestRate } from './search.ts'
import { allowance } from './share.ts'

/** The most points of a curve for each algorithm; fewer when a point takes long. */
const POINTS = 40
const FEW_POINTS = 24
const LARGE = 2_000_000

/** @param say gets the progress, for a terminal */
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
  // The weighed requests stand for all requests. When keys were left out, the factor is not exact.
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
    junkFiles: counts.junkFiles,
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

/** The peak and the burstiness of a key. */
function habits({ times, costs, starts, weights }: Requests, id: number, per: number) {
  const [begin, end] = [starts[id] as number, starts[id + 1] as number]
  const peak = peakOf({ times, costs, starts, weights }, begin, end, per)
  let sum = 0
  for (let i = begin; i < end; i++) sum += costs === undefined ? 1 : (costs[i] as number)
  // The lifetime of a key: from its first request to one `per` after its last.
  const span = (times[end - 1] as number) - (times[begin] as number) + per
  const burstiness = peak / ((sum * per) / span)
  return { requests: end - begin, peak, burstiness: Math.round(burstiness * 10) / 10 }
}
