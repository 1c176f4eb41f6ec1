import type { Millis } from '../../core/duration.ts'

// Go's loggers and Caddy's `wall` format write the date with slashes.
const ISO =
  /^(\d{4}[-/]\d\d[-/]\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?) ?(Z|UTC|[+-]\d\d:?\d\d)?)?$/i

/** A date and time as in ISO 8601. A time without a zone is UTC. `NaN` if the text is no time. */
export function isoTime(text: string): Millis {
  // The form of nearly every logger, which the runtime reads fast.
  if (text.length === 24 && text[23] === 'Z' && text[10] === 'T') return Date.parse(text)
  const parts = ISO.exec(text)
  if (parts === null) return Number.NaN
  const [, date, time = '00:00', zone = 'Z'] = parts
  const utc = /^utc$/i.test(zone) ? 'Z' : zone.toUpperCase()
  return Date.parse(`${date?.replaceAll('/', '-')}T${time.replace(',', '.')}${utc}`)
}

/** Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size, in milliseconds. */
export function epochTime(number: number): Millis {
  // 1e11 is the year 5138 in seconds and 1973 in milliseconds: no log is near either edge.
  if (number < 1e11) return Math.round(number * 1e6) / 1e3
  if (number < 1e14) return number
  return number < 1e17 ? number / 1e3 : number / 1e6
}

/** The latest time that a `Date` can hold. */
const LATEST: Millis = 8.64e15

/** A value as a time: a number since 1970, the time of the common log format, or ISO 8601. `NaN` if it is none. */
export function anyTime(value: unknown): Millis {
  const time = readTime(value)
  return time >= 0 && time < LATEST ? time : Number.NaN
}

function readTime(value: unknown): Millis {
  if (typeof value === 'number') return epochTime(value)
  if (typeof value !== 'string') return Number.NaN
  if (value.charCodeAt(4) !== 0x2d && /^\d+(\.\d+)?$/.test(value)) return epochTime(Number(value))
  return value[2] === '/' ? clfTime(value, 0) : isoTime(value)
}

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'
// A log stays on one day for long, and on one second for many lines: each is worked out once.
let day = ''
let midnight = Number.NaN
let stamp = ''
let stamped = Number.NaN

/**
 * The time of the common log format at `from`: `17/May/2015:10:05:03 +0200`, up to a `]` or the end of the text.
 * A fraction of a second may follow the seconds, and the zone may be absent (then it is UTC). Also ISO 8601 and
 * numbers since 1970. `NaN` if it is no time.
 */
export function clfTime(line: string, from: number): Millis {
  if (stamp !== '' && line.startsWith(stamp, from)) return stamped
  if (line.charCodeAt(from + 2) !== SLASH) return otherTime(line, from)
  const second = secondOf(line, from)
  let at = from + 20
  let fraction = 0
  if (line[at] === '.' || line[at] === ',') {
    const first = at + 1
    for (at = first; isDigit(line.charCodeAt(at)); at++);
    fraction = Number(`0.${line.slice(first, at)}`) * 1000
    // 0.1 + 0.2 must not show: a fraction is exact to the microsecond.
    fraction = Math.round(fraction * 1000) / 1000
  }
  if (at === line.length || line[at] === ']') return second + fraction
  const zone = zoneAt(line, at)
  const end = line[at + 4] === ':' ? at + 7 : at + 6
  if (end !== line.length && line[end] !== ']') return Number.NaN
  const time = second + fraction - zone
  if (line[end] === ']' && !Number.isNaN(time)) {
    // A part of a string keeps all of it in memory, so the stamp is put together anew.
    stamp = [...line.slice(from, end + 1)].join('')
    stamped = time
  }
  return time
}

const SLASH = 0x2f

function otherTime(line: string, from: number): Millis {
  const close = line.indexOf(']', from)
  const end = close < 0 ? line.length : close
  if (end - from > 40) return Number.NaN
  const text = line.slice(from, end)
  return /^\d{10,19}(\.\d+)?$/.test(text) ? epochTime(Number(text)) : isoTime(text)
}

/** The second, in the zone of the log. */
function secondOf(line: string, from: number): Millis {
  if (!line.startsWith(day, from) || day === '') {
    const text = line.slice(from, from + 11)
    const time = dayOf(text)
    if (Number.isNaN(time)) return time
    day = [...text].join('')
    midnight = time
  }
  const hours = twoDigits(line, from + 12)
  const minutes = twoDigits(line, from + 15)
  const seconds = twoDigits(line, from + 18)
  if (!(hours < 24 && minutes < 60 && seconds <= 60)) return Number.NaN
  if (line[from + 11] !== ':' || line[from + 14] !== ':' || line[from + 17] !== ':') {
    return Number.NaN
  }
  return midnight + ((hours * 60 + minutes) * 60 + seconds) * 1000
}

/** How far ` +0200` or ` +02:00` is ahead of UTC; `NaN` if it is no zone. */
function zoneAt(line: string, at: number): Millis {
  const minutes = line[at + 4] === ':' ? at + 5 : at + 4
  const ahead = (twoDigits(line, at + 2) * 60 + twoDigits(line, minutes)) * 60_000
  if (line[at] !== ' ') return Number.NaN
  return line[at + 1] === '+' ? ahead : line[at + 1] === '-' ? -ahead : Number.NaN
}

function dayOf(text: string): Millis {
  const month = MONTHS.indexOf(text.slice(3, 6)) / 3
  const date = twoDigits(text, 0)
  const year = twoDigits(text, 7) * 100 + twoDigits(text, 9)
  if (!Number.isInteger(month) || month < 0 || text[6] !== '/' || text[2] !== '/') return Number.NaN
  const time = Date.UTC(year, month, date)
  // The 31st of April is no day, and a Date would make it the 1st of May.
  return new Date(time).getUTCDate() === date ? time : Number.NaN
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 0x30
  const ones = text.charCodeAt(at + 1) - 0x30
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}
