import type { Millis } from '../core/duration.ts'
import { clfTime, requestPath } from './clf.ts'
import { epochTime, isoTime } from './iso-time.ts'
import { type LogRecord, NO_KEY } from './record.ts'

const TIME = ['time', 'timestamp', 'ts', '@timestamp', 'date']

/** What loggers call the fields that `--key` has short names for; the first one present counts. */
const ALIASES: ReadonlyMap<string, readonly string[]> = new Map([
  ['ip', ['ip', 'remote_addr', 'remoteAddr', 'client_ip', 'clientIp', 'remote_ip']],
  ['path', ['path', 'url', 'uri', 'request']],
  ['user', ['user', 'user_id', 'userId', 'remote_user']],
])

/**
 * A line that is one JSON object.
 *
 * @param field ip, path, user, or the name of any field, with dots for a field within a field
 */
export function parseJson(line: string, field: string): LogRecord | undefined {
  if (line.trimStart()[0] !== '{') return undefined
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  const time = timeOf(value)
  return time === undefined ? undefined : { time, key: keyOf(value, field) || NO_KEY }
}

function timeOf(value: unknown): Millis | undefined {
  for (const name of TIME) {
    const time = toTime(own(value, name))
    if (time >= 0 && time < 8.64e15) return time
  }
  return undefined
}

function toTime(value: unknown): Millis {
  if (typeof value === 'number') return epochTime(value)
  if (typeof value !== 'string') return Number.NaN
  if (/^\d+(\.\d+)?$/.test(value)) return epochTime(Number(value))
  return value[2] === '/' ? clfTime(`${value}]`, 0) : isoTime(value)
}

function keyOf(value: unknown, field: string): string {
  for (const name of ALIASES.get(field) ?? [field]) {
    const found = text(lookup(value, name))
    if (found !== '') return field === 'path' ? requestPath(found) : found
  }
  return ''
}

/** A field by its name, or else by its path. */
function lookup(value: unknown, name: string): unknown {
  const direct = own(value, name)
  if (direct !== undefined || !name.includes('.')) return direct
  return name.split('.').reduce(own, value)
}

/** Own fields only: a log must not be keyed by what every object inherits. */
function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}
