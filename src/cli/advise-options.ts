import { oneOf } from '../core/check.ts'
import type { Micros } from '../core/duration.ts'
import { OptionTypeError } from '../core/errors.ts'
import { parseShare, type Share } from './advise/share.ts'
import {
  LOG_HELP,
  LOG_OPTIONS,
  LOG_USAGE,
  type LogOptions,
  logOptions,
  parsed,
} from './arguments.ts'
import { ALGORITHMS, type Algorithm, perOf } from './judging/limit.ts'

/** The options of `aioflux advise`. */
export interface AdviseOptions extends LogOptions {
  readonly algorithms: readonly Algorithm[]
  readonly per: Micros
  /** `per` as code takes it: `'1m'`. */
  readonly perText: string
  readonly deny: Share
  /** Whether `deny` is a share of the requests, or of the keys. */
  readonly by: 'requests' | 'keys'
}

const DEFAULT_ALGORITHMS: readonly Algorithm[] = ['sliding-window', 'token-bucket']

export const USAGE: string = `usage: aioflux advise <access.log ... | ->
         [--per 1m] [--deny 0.1%] [--by requests|keys]
         [--algorithm sliding-window|token-bucket|leaky-bucket|fixed-window ...]
${LOG_USAGE}`

export const HELP: string = `${USAGE}

Finds the smallest limit that would have denied at most a given share of an access log, and shows what other limits
would have done, and the keys that are hit.

${LOG_HELP}
  --per          the time that the limit counts over: 1m, 10s, 1h         (default 1m)
  --deny         the share that may be denied: 0.1%, 5%, 0.001            (default 0.1%)
  --by           of what it is a share: requests that are denied, or keys
                 that are denied at least once                           (default requests)
  --algorithm    how to limit; several for several answers               (default sliding-window and token-bucket)

Exit code 0 when the log was judged, 1 when it could not be, 2 on wrong usage.
`

/**
 * Reads the arguments of `aioflux advise`; `undefined` when they ask for help.
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function adviseOptions(args: readonly string[]): AdviseOptions | undefined {
  const { values, positionals } = parsed(args, {
    ...LOG_OPTIONS,
    per: { type: 'string', default: '1m' },
    deny: { type: 'string', default: '0.1%' },
    by: { type: 'string', default: 'requests' },
    algorithm: { type: 'string', multiple: true },
  })
  if (values.help) return undefined
  const log = logOptions('advise', values, positionals)
  const algorithms = (values.algorithm as Algorithm[] | undefined) ?? DEFAULT_ALGORITHMS
  const per = perOf(values.per)
  if (per === undefined) {
    throw new OptionTypeError(
      '--per',
      `--per must be a duration like 1m, 10s or 250ms, got '${values.per}'`,
    )
  }
  return {
    ...log,
    algorithms: [...new Set(algorithms.map((name) => oneOf('--algorithm', name, ALGORITHMS)))],
    per,
    perText: /^[a-z]+$/.test(values.per) ? `1${values.per}` : values.per,
    deny: parseShare('--deny', values.deny),
    by: oneOf('--by', values.by as 'requests' | 'keys', ['requests', 'keys']),
  }
}
