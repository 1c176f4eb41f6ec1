import { type ParseArgsConfig, parseArgs } from 'node:util'
import { between, integer, oneOf } from '../core/check.ts'
import { OptionRangeError, OptionTypeError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import { FORMATS, type Format } from './formats/formats.ts'
import type { Wanted } from './formats/record.ts'
import type { Algorithm } from './judging/limit.ts'

/** The options of every command that reads a log. */
export interface LogOptions {
  /** Paths and patterns; `-` is the standard input. */
  readonly paths: readonly string[]
  readonly wanted: Wanted
  readonly format: Format
  /** Print one JSON object instead of text. */
  readonly json: boolean
  /** Where to write the report as a page. */
  readonly html: string | undefined
  /** How many keys to show. */
  readonly top: number
}

/** The options of {@link LogOptions} as `parseArgs` wants them. */
export const LOG_OPTIONS = {
  key: { type: 'string', default: 'ip' },
  time: { type: 'string' },
  cost: { type: 'string' },
  format: { type: 'string', default: 'auto' },
  top: { type: 'string', default: '10' },
  json: { type: 'boolean', default: false },
  html: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

export const LOG_USAGE: string = `         [--key ip|path|user|<field>] [--time <field>] [--cost <field>]
         [--format auto|clf|combined|json|w3c|iis|cloudfront|alb|nlb|s3|haproxy|envoy]
         [--json] [--html report.html] [--top N]`

export const LOG_HELP: string = `  <access.log>   one log or several, or patterns like 'logs/*.gz'; - reads the standard input. gzip is
                 unpacked, Zstandard too where Node has it (22.15). Several logs are read as one, in time order
  --key          what has a limit of its own: ip, path, user, or a field (default ip)
                 every format: also host, method, status, referer, agent, where the log has these
                 JSON lines: any field, with dots for a field within a field: request.headers.Host
  --time         the field that holds the time                           (default told by the format)
  --cost         the field that holds what a request costs, as bytes     (default each costs 1)
  --format       how to read the lines                                   (default auto: told by the lines)
  --top          how many keys to show                                   (default 10)
  --json         print one JSON object instead
  --html         also write the report to a file, as one page`

type Values = Record<string, string | boolean | (string | boolean)[] | undefined>

/**
 * The log options among parsed values.
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function logOptions(
  command: string,
  values: Values,
  positionals: readonly string[],
): LogOptions {
  if (positionals.length === 0) {
    throw new OptionTypeError(
      '<access.log>',
      `${command} needs a log: a path, or - for standard input`,
    )
  }
  if (positionals.filter((path) => path === '-').length > 1) {
    throw new OptionTypeError('<access.log>', 'standard input can be read once, got - twice')
  }
  return {
    paths: positionals,
    wanted: {
      key: fieldName('--key', values['key']) as string,
      time: fieldName('--time', values['time']),
      cost: fieldName('--cost', values['cost']),
    },
    format: oneOf('--format', values['format'] as Format, FORMATS),
    json: values['json'] === true,
    html: fieldName('--html', values['html']),
    top: whole('--top', String(values['top']), 0),
  }
}

function fieldName(option: string, value: unknown): string | undefined {
  if (value === '') {
    const what = option === '--html' ? 'a file' : 'a field'
    throw new OptionRangeError(option, `${option} must be ${what}, got ''`)
  }
  return value as string | undefined
}

type Parsed<T extends ParseArgsConfig['options']> = ReturnType<
  typeof parseArgs<{ args: string[]; allowPositionals: true; options: NonNullable<T> }>
>

/**
 * Reads arguments.
 *
 * @throws OptionTypeError naming the argument that cannot be read
 */
export function parsed<T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
): Parsed<T> {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options })
  } catch (error) {
    // "Unknown option '--limt'. To specify a positional argument ..."; the first sentence says it.
    const [said = ''] = (error as Error).message.split(/\. |\n/)
    const option = /--?[\w-]+/.exec(said)?.[0] ?? 'arguments'
    if ((error as { code?: string }).code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
      const near = nearest(option.replace(/^-+/, ''), Object.keys(options))
      throw new OptionTypeError(option, `${said}: the nearest is --${near}`)
    }
    // `--limit -1/1m`: the value looks like another option.
    const value = args[args.indexOf(option) + 1]
    if (said.endsWith('ambiguous.') && value !== undefined) {
      const way = `a value that begins with - is written ${option}=${value}`
      throw new OptionTypeError(option, `${option} needs a value, got '${value}'; ${way}`)
    }
    throw new OptionTypeError(option, said.endsWith('missing') ? `${option} needs a value` : said)
  }
}

export function burstOf(
  option: string,
  text: string | undefined,
  algorithm: Algorithm,
): number | undefined {
  if (text === undefined) return undefined
  if (!algorithm.endsWith('bucket')) {
    throw new OptionRangeError(
      option,
      `${option} is for token-bucket and leaky-bucket, got '${text}' with ${algorithm}`,
    )
  }
  return whole(option, text, 1)
}

export function whole(name: string, text: string, least: number): number {
  if (/^\d+$/.test(text)) return integer(name, Number(text), least)
  throw new OptionTypeError(name, `${name} must be a whole number >= ${least}, got '${text}'`)
}

/** A port; 0 is any free port. */
export function portOf(name: string, text: string): number {
  return between(name, whole(name, text, 0), 0, 65_535)
}
