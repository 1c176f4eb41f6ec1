import { oneOf } from '../core/check.ts'
import { OptionTypeError } from '../core/errors.ts'
import {
  burstOf,
  LOG_HELP,
  LOG_OPTIONS,
  LOG_USAGE,
  type LogOptions,
  logOptions,
  parsed,
} from './arguments.ts'
import { ALGORITHMS, type Algorithm, type Limit, parseLimit } from './judging/limit.ts'

/** Limits that a request passes when all of them let it. */
export interface LimitSet {
  readonly algorithm: Algorithm
  readonly limits: readonly Limit[]
}

/** The options of `aioflux replay`. */
export interface ReplayOptions extends LogOptions, LimitSet {
  /** Other limits to compare with. */
  readonly compare: LimitSet | undefined
}

export const USAGE: string = `usage: aioflux replay <access.log ... | -> --limit 100/1m [--limit 1000/1h ...]
         [--algorithm token-bucket|sliding-window|leaky-bucket|fixed-window] [--burst N]
         [--compare 20/1m] [--compare-algorithm ...] [--compare-burst N]
${LOG_USAGE}`

export const HELP: string = `${USAGE}

Replays an access log against limits, on the log's own clock, and shows what they would have done.

${LOG_HELP}
  --limit        <rate>/<duration>: 100/1m, 5/250ms, 10/s. Several: a request passes when all let it
  --algorithm    how to limit                                            (default token-bucket)
  --burst        how much a token or leaky bucket holds                  (default the rate)
  --compare      other limits: shows the requests and the keys that only one side would deny. It may be
                 given several times, and has an algorithm and a burst of its own:
                 --compare-algorithm (default the same), --compare-burst (default the rate)

Exit code 0 when the log was judged, 1 when it could not be, 2 on wrong usage.
`

/**
 * Reads the arguments of `aioflux replay`; `undefined` when they ask for help.
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function replayOptions(args: readonly string[]): ReplayOptions | undefined {
  const { values, positionals } = parsed(args, {
    ...LOG_OPTIONS,
    limit: { type: 'string', multiple: true },
    algorithm: { type: 'string', default: 'token-bucket' },
    burst: { type: 'string' },
    compare: { type: 'string', multiple: true },
    'compare-algorithm': { type: 'string' },
    'compare-burst': { type: 'string' },
  })
  if (values.help) return undefined
  const log = logOptions('replay', values, positionals)
  if (values.limit === undefined) {
    throw new OptionTypeError('--limit', 'replay needs at least one --limit, like --limit 100/1m')
  }
  const set = limitSet('', values.limit, values.algorithm, values.burst)
  const other = values['compare-algorithm'] ?? values.algorithm
  if (values.compare === undefined) {
    const stray = (['compare-algorithm', 'compare-burst'] as const).find((name) => values[name])
    if (stray !== undefined) {
      throw new OptionTypeError(`--${stray}`, `--${stray} needs --compare, got '${values[stray]}'`)
    }
  }
  const compare =
    values.compare && limitSet('compare', values.compare, other, values['compare-burst'])
  return { ...log, ...set, compare }
}

/** @param which '' for the limits, 'compare' for those that they are compared with */
function limitSet(
  which: '' | 'compare',
  texts: readonly string[],
  named: string,
  burstText: string | undefined,
): LimitSet {
  const option = (name: string) => (which === '' ? `--${name}` : `--compare-${name}`)
  const algorithm = oneOf(option('algorithm'), named as Algorithm, ALGORITHMS)
  const burst = burstOf(option('burst'), burstText, algorithm)
  const limit = which === '' ? '--limit' : '--compare'
  return { algorithm, limits: texts.map((text) => parseLimit(text, algorithm, burst, limit)) }
}
