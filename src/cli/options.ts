import { parseArgs } from 'node:util'
import { integer, oneOf } from '../core/check.ts'
import { OptionRangeError, OptionTypeError } from '../core/errors.ts'
import { ALGORITHMS, type Algorithm, type Limit, parseLimit } from './limit.ts'
import { FORMATS, type Format } from './parse-line.ts'

/** What `aioflux replay` was asked to do. */
export interface ReplayOptions {
  /** The path of the log; `-` is the standard input. */
  readonly source: string
  readonly algorithm: Algorithm
  readonly limits: readonly Limit[]
  /** The field that requests are counted by. */
  readonly key: string
  readonly format: Format
  readonly json: boolean
  /** How many keys to show. */
  readonly top: number
}

export const USAGE: string =
  'usage: aioflux replay <access.log | -> --limit 100/1m [--limit 1000/1h ...]\n' +
  '         [--algorithm token-bucket|sliding-window|leaky-bucket|fixed-window] [--burst N]\n' +
  '         [--key ip|path|user|<field>] [--format auto|clf|combined|json] [--json] [--top N]'

export const HELP: string = `${USAGE}

Replays an access log against limits, on the log's own clock, and shows what they would have done.

  <access.log>   common or combined format, or JSON lines; gzip or not; - reads the standard input
  --limit        <rate>/<duration>: 100/1m, 5/250ms, 10/s. Several: a request passes when all let it
  --algorithm    how to limit                                            (default token-bucket)
  --burst        how much a token or leaky bucket holds                  (default the rate)
  --key          what has a limit of its own: ip, path, user, or a field (default ip)
                 common and combined logs: also host, method, status, referer, agent
                 JSON lines: any field, with dots for a field within a field
  --format       how to read the lines                                   (default auto)
  --top          how many keys to show                                   (default 10)
  --json         print one JSON object instead

Exit code 0 when the log was judged, 1 when it could not be, 2 on wrong usage.
`

/**
 * Reads the arguments of `aioflux replay`; `undefined` when they ask for help.
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function replayOptions(args: readonly string[]): ReplayOptions | undefined {
  const { values, positionals } = parsed(args)
  if (values.help) return undefined
  const [source, extra] = positionals
  if (source === undefined) {
    throw new OptionTypeError('<access.log>', 'replay needs a log: a path, or - for standard input')
  }
  if (extra !== undefined) {
    throw new OptionTypeError(
      '<access.log>',
      `replay takes one log, got '${source}' and '${extra}'`,
    )
  }
  if (values.limit === undefined) {
    throw new OptionTypeError('--limit', 'replay needs at least one --limit, like --limit 100/1m')
  }
  if (values.key === '') throw new OptionRangeError('--key', "--key must be a field, got ''")
  const algorithm = oneOf('--algorithm', values.algorithm as Algorithm, ALGORITHMS)
  const burst = burstOf(values.burst, algorithm)
  return {
    source,
    algorithm,
    limits: values.limit.map((text) => parseLimit(text, algorithm, burst)),
    key: values.key,
    format: oneOf('--format', values.format as Format, FORMATS),
    json: values.json,
    top: whole('--top', values.top, 0),
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        limit: { type: 'string', multiple: true },
        algorithm: { type: 'string', default: 'token-bucket' },
        burst: { type: 'string' },
        key: { type: 'string', default: 'ip' },
        format: { type: 'string', default: 'auto' },
        top: { type: 'string', default: '10' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    // "Unknown option '--limt'. To specify a positional argument ..."; the first sentence says it.
    const [said = ''] = (error as Error).message.split(/\. |\n/)
    throw new OptionTypeError(/--?[\w-]+/.exec(said)?.[0] ?? 'arguments', said)
  }
}

function burstOf(text: string | undefined, algorithm: Algorithm): number | undefined {
  if (text === undefined) return undefined
  if (!algorithm.endsWith('bucket')) {
    throw new OptionRangeError(
      '--burst',
      `--burst is for token-bucket and leaky-bucket, got '${text}' with ${algorithm}`,
    )
  }
  return whole('--burst', text, 1)
}

function whole(name: string, text: string, least: number): number {
  if (/^\d+$/.test(text)) return integer(name, Number(text), least)
  throw new OptionTypeError(name, `${name} must be a whole number >= ${least}, got '${text}'`)
}
