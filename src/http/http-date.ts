import type { Millis } from '../core/duration.ts'

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** No date is longer; a text that is, is not looked at. */
const LONGEST = 64

const CLOCK = /^(\d{1,2}):(\d{2}):(\d{2})$/
const ZONE = /^(?:gmt|utc|ut|z|([+-])(\d{2}):?(\d{2}))$/
const ISO =
  /^(\d{4})-(\d{2})-(\d{2})[t ](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)? ?(z|utc|gmt|[+-]\d{2}:?\d{2})?$/

/**
 * Reads a date of HTTP (RFC 9110, section 5.6.7) in each of its three forms, or one of ISO 8601. All are in UTC unless they
 * say otherwise.
 *
 * @param now what two digits of a year are about: at most 50 years from there
 * @returns `undefined` where it is none
 *
 * @example
 * parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT', now) // the form of today
 * parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT', now) // of RFC 850
 * parseHttpDate('Sun Nov  6 08:49:37 1994', now) // of asctime
 */
export function parseHttpDate(text: string, now: Millis): Millis | undefined {
  if (text.length > LONGEST) return undefined
  const lower = text.trim().toLowerCase()
  return isoDate(lower) ?? wordyDate(lower, now)
}

function isoDate(text: string): Millis | undefined {
  const match = ISO.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second = '0', fraction = '0', zone = 'z'] = match
  const offset = offsetOf(zone)
  const whole = utc(Number(year), Number(month) - 1, day, hour, minute, second)
  return whole === undefined || offset === undefined
    ? undefined
    : whole + Number(fraction) * 1000 - offset
}

/** `[day-name,] day month year time [zone]`, or `day-name month day time year`. */
function wordyDate(text: string, now: Millis): Millis | undefined {
  const words = text.split(/[\s,]/).filter((word) => word !== '')
  if (DAYS.includes((words[0] ?? '').slice(0, 3))) words.shift()
  const asctime = MONTHS.includes(words[0] ?? '')
  if (asctime) words.splice(0, 4, ...[words[1], words[0], words[3], words[2]].map(String))
  else if (words[0]?.includes('-') === true) words.splice(0, 1, ...words[0].split('-'))
  const [day = '', month = '', year = '', time = '', zone = 'gmt', ...more] = words
  const clock = CLOCK.exec(time)
  const offset = offsetOf(zone)
  const right = /^\d{1,2}$/.test(day) && /^(?:\d{2}|\d{4})$/.test(year) && more.length === 0
  if (clock === null || offset === undefined || !right) return undefined
  const [, hour, minute, second] = clock
  const at = utc(fullYear(year, now), MONTHS.indexOf(month), day, hour, minute, second)
  return at === undefined ? undefined : at - offset
}

function fullYear(year: string, now: Millis): number {
  if (year.length === 4) return Number(year)
  const current = new Date(now).getUTCFullYear()
  const same = current - (current % 100) + Number(year)
  return same > current + 50 ? same - 100 : same
}

/** `undefined` where there is no such day or time; a leap second is the next second. */
function utc(year: number, month: number, ...rest: (string | undefined)[]): Millis | undefined {
  const [day, hour, minute, second] = rest.map(Number) as [number, number, number, number]
  if (month < 0 || hour > 23 || minute > 59 || second > 60) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  const real = date.getUTCMonth() === month && date.getUTCDate() === day
  return real ? date.setUTCHours(hour, minute, second) : undefined
}

/** How far a zone is ahead of UTC. */
function offsetOf(zone: string): Millis | undefined {
  const match = ZONE.exec(zone)
  if (match === null) return undefined
  const [, sign, hours = '0', minutes = '0'] = match
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}
