import { isoTime } from './iso-time.ts'
import { type LogRecord, NO_KEY } from './record.ts'

// Read by hand: a regular expression over the whole line is several times slower, and a hostile line can make one
// that backtracks slower still. Every search here goes forward once.

/**
 * A line of the common or the combined log format:
 *
 *     ip ident user [17/May/2015:10:05:03 +0000] "GET /path?query HTTP/1.1" 200 1234 "referer" "agent"
 *
 * also with a virtual host before the address (`vhost_combined`). What matters must be whole (address, time, request);
 * a line cut off after that still tells of a request and counts.
 *
 * @param field ip, host, user, method, path, status, referer or agent
 */
export function parseClf(line: string, field: string): LogRecord | undefined {
  const bracket = line.indexOf(' [')
  if (bracket <= 0) return undefined
  const time = clfTime(line, bracket + 2)
  if (!(time >= 0)) return undefined
  const request = line.indexOf('"', bracket) + 1
  const end = request === 0 ? -1 : closingQuote(line, request)
  if (end < 0) return undefined
  return { time, key: clfField(line, field, bracket, request, end) || NO_KEY }
}

function clfField(
  line: string,
  field: string,
  bracket: number,
  request: number,
  end: number,
): string {
  switch (field) {
    case 'ip':
    case 'host':
    case 'user':
      return who(line.slice(0, bracket), field)
    case 'method': {
      const space = line.indexOf(' ', request)
      return space > 0 && space < end ? line.slice(request, space) : ''
    }
    case 'path':
      return requestPath(line.slice(request, end))
    case 'status':
      return /^ (\d{3})(?= |$)/.exec(line.slice(end + 1, end + 6))?.[1] ?? ''
    case 'referer':
      return quoted(line, end + 1)[0]
    case 'agent':
      return quoted(line, quoted(line, end + 1)[1])[0]
    default:
      return ''
  }
}

/** `ip ident user`, or `host ip ident user`; a user may contain spaces. */
function who(head: string, field: 'ip' | 'host' | 'user'): string {
  const first = head.indexOf(' ')
  if (first < 0) return field === 'ip' ? head : ''
  const second = head.indexOf(' ', first + 1)
  const third = second < 0 ? -1 : head.indexOf(' ', second + 1)
  // The second word is the ident, which nobody sends; where it looks like an address, there is a host before it.
  const hosted = third > 0 && /^[\da-f:]+[.:]/i.test(head.slice(first + 1, second))
  if (field === 'host') return hosted ? head.slice(0, first) : ''
  if (field === 'ip') return hosted ? head.slice(first + 1, second) : head.slice(0, first)
  const ident = hosted ? third : second
  return ident < 0 ? '' : head.slice(ident + 1)
}

/** The path of `GET /path?query HTTP/1.1` or of an address, without query and fragment; '' when there is none. */
export function requestPath(request: string): string {
  const space = request.indexOf(' ')
  if (space < 0) return request === NO_KEY || !request.includes('/') ? '' : bare(request)
  const end = request.indexOf(' ', space + 1)
  return bare(request.slice(space + 1, end < 0 ? undefined : end))
}

function bare(target: string): string {
  let start = 0
  if (!target.startsWith('/')) {
    const scheme = target.indexOf('://')
    if (scheme > 0) {
      start = target.indexOf('/', scheme + 3)
      if (start < 0) return '/'
    }
  }
  let end = start
  for (; end < target.length; end++) {
    const code = target.charCodeAt(end)
    if (code === 0x3f || code === 0x23) break // ? and #
  }
  return target.slice(start, end)
}

/** The next quoted text from `from` on, and where to look for the one after it. */
function quoted(line: string, from: number): [text: string, next: number] {
  const open = line.indexOf('"', from)
  if (open < 0) return ['', line.length]
  const close = closingQuote(line, open + 1)
  return close < 0 ? ['', line.length] : [line.slice(open + 1, close), close + 1]
}

/** Servers write a quote within a quoted text as `\"`, and a backslash as `\\`. */
function closingQuote(line: string, from: number): number {
  let close = line.indexOf('"', from)
  if (close < 0 || line.charCodeAt(close - 1) !== 0x5c) return close
  for (close = from; close < line.length; close++) {
    const code = line.charCodeAt(close)
    if (code === 0x22) return close
    if (code === 0x5c) close += 1
  }
  return -1
}

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'
// A log stays on one day for long, so the day is worked out once.
let day = ''
let midnight = Number.NaN

/** The time at `from`, as `17/May/2015:10:05:03 +0200]` or in ISO 8601; `NaN` when it is neither. */
export function clfTime(line: string, from: number): number {
  if (line[from + 2] !== '/') {
    const close = line.indexOf(']', from)
    return close < 0 || close - from > 40 ? Number.NaN : isoTime(line.slice(from, close))
  }
  if (!line.startsWith(day, from) || day === '') {
    const text = line.slice(from, from + 11)
    const time = dayOf(text)
    if (Number.isNaN(time)) return time
    // A part of a string keeps all of it in memory, so the day is put together anew.
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
  const utc = midnight + ((hours * 60 + minutes) * 60 + seconds) * 1000
  const zone = (twoDigits(line, from + 22) * 60 + twoDigits(line, from + 24)) * 60_000
  const sign = line[from + 21]
  if (line[from + 26] !== ']' || line[from + 20] !== ' ') return Number.NaN
  // 10:00 at +0200 was 08:00 in Greenwich.
  return sign === '+' ? utc - zone : sign === '-' ? utc + zone : Number.NaN
}

function dayOf(text: string): number {
  const month = MONTHS.indexOf(text.slice(3, 6)) / 3
  const date = twoDigits(text, 0)
  const year = twoDigits(text, 7) * 100 + twoDigits(text, 9)
  if (!Number.isInteger(month) || month < 0 || text[6] !== '/' || text[2] !== '/') return Number.NaN
  const time = Date.UTC(year, month, date)
  // The 31st of April is no day, and a Date would make it the 1st of May.
  return new Date(time).getUTCDate() === date ? time : Number.NaN
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 0x30
  const ones = text.charCodeAt(at + 1) - 0x30
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}
