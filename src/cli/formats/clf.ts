import { clientKey, isHostName, v4End } from './client.ts'
import { looksLikeHaproxy } from './haproxy.ts'
import {
  costOf,
  type Fault,
  type LineReader,
  type LogFormat,
  type LogRecord,
  NO_KEY,
  type Wanted,
} from './record.ts'
import { closingQuote, quoted, requestMethod, requestPath } from './request-line.ts'
import { looksLikeS3 } from './s3.ts'
import { clfTime } from './times.ts'

// Read by hand: a regular expression over the whole line is several times slower, and a hostile line can make one
// that backtracks slower still.

/**
 * The common log format of Apache and nginx (https://httpd.apache.org/docs/current/logs.html#common):
 *
 *     ip ident user [17/May/2015:10:05:03 +0000] "GET /path?query HTTP/1.1" 200 1234
 *
 * The client is the address in front of ident and user. Other words may stand in front of the client: a virtual host
 * (`vhost_combined`), or the prefix of syslog, Docker, a container runtime or grep. The client may be a list of
 * addresses as in X-Forwarded-For. The time may have a fraction of a second, or be in ISO 8601.
 *
 * Address, time and request must be whole. A line that is cut off after the request still tells of a request, and counts.
 */
export const clf: LogFormat = { name: 'clf', reader: (wanted) => reader(wanted, false) }

/** The same with `"referer" "agent"` at the end, and often `"x_forwarded_for"` after these. */
export const combined: LogFormat = { name: 'combined', reader: (wanted) => reader(wanted, true) }

/** The fields that only the combined format has, by their place after the request. */
const QUOTED: Readonly<Record<string, number>> = { referer: 0, agent: 1, forwarded: 2 }

function reader({ key, time, cost }: Wanted, whole: boolean): LineReader {
  if (time !== undefined && time !== 'time') return () => 'time'
  return (line) => {
    const bracket = line.indexOf(' [')
    return bracket <= 0 ? 'shape' : read(line, bracket, key, cost, whole)
  }
}

const QUOTE = 0x22

/** Structured data of syslog stands in brackets too, so the first text in brackets may not be the time. */
const MOST_BRACKETS = 4

function read(
  line: string,
  first: number,
  key: string,
  cost: string | undefined,
  whole: boolean,
): LogRecord | Fault {
  let bracket = first
  let time = clfTime(line, bracket + 2)
  for (let i = 1; Number.isNaN(time) && i < MOST_BRACKETS; i++) {
    const next = line.indexOf(' [', bracket + 2)
    if (next < 0) break
    bracket = next
    time = clfTime(line, bracket + 2)
  }
  const request = line.indexOf('"', bracket) + 1
  const end = request === 0 ? -1 : closingQuote(line, request)
  if (end < 0) return 'shape'
  if (!(time >= 0)) return 'time'
  const close = line.indexOf('] ', bracket)
  if (line.charCodeAt(close + 2) !== QUOTE) {
    const between = line.slice(close + 2, request)
    if (looksLikeHaproxy(between) || looksLikeS3(between)) return 'shape'
  }
  const found = field(line, key, bracket, request, end, whole)
  if (found === undefined) return 'client'
  const price = cost === undefined ? 1 : costOf(field(line, cost, bracket, request, end, whole))
  return { time, key: found || NO_KEY, cost: price }
}

/** `undefined`: no client. '': the line has no such field. */
function field(
  line: string,
  name: string,
  bracket: number,
  request: number,
  end: number,
  whole: boolean,
): string | undefined {
  switch (name) {
    case 'ip':
      return clientAt(line, bracket)
    case 'host':
    case 'user':
      return headOf(line.slice(0, bracket))?.[name] ?? ''
    case 'method':
      return requestMethod(line.slice(request, end))
    case 'path':
      return requestPath(line.slice(request, end))
    case 'status':
      return /^ (\d{3})(?= |$)/.exec(line.slice(end + 1, end + 6))?.[1] ?? ''
    case 'bytes':
      return /^ \d{3} (\d+)(?= |$)/.exec(line.slice(end + 1, end + 30))?.[1] ?? ''
    case 'referer':
    case 'agent':
    case 'forwarded':
      return whole ? after(line, end + 1, QUOTED[name] as number) : ''
    default:
      return ''
  }
}

function after(line: string, from: number, place: number): string {
  let [text, next] = quoted(line, from)
  for (let i = 0; i < place; i++) [text, next] = quoted(line, next)
  return text
}

/** The client, found without taking the line apart where it is `ip - `. */
function clientAt(line: string, bracket: number): string | undefined {
  const end = v4End(line)
  const space = end > 0 && line.charCodeAt(end) === 0x20 ? end : line.indexOf(' ')
  if (line.charCodeAt(space + 1) === 0x2d && line.charCodeAt(space + 2) === 0x20) {
    const first = line.slice(0, space)
    if (space === end) return first
    const client = clientKey(first)
    if (client !== '') return client
  }
  return headOf(line.slice(0, bracket))?.client
}

/** The words in front of the time. */
interface Head {
  readonly client: string
  readonly host: string
  readonly user: string
}

/** Where a prefix is longer than this, it is no prefix. */
const MOST_WORDS = 64

function headOf(text: string): Head | undefined {
  const words = listed(text.split(' ', MOST_WORDS).filter((word) => word !== ''))
  // The client is followed by ident, which is not sent any more. A user name is the client's own text, so the first
  // place counts: else a user named `9.9.9.9 - x` would be another client.
  for (const [i, word] of words.entries()) {
    if (words[i + 1] !== NO_KEY) continue
    const client = addressIn(word)
    if (client !== '') return head(words, i, client)
  }
  const [first = '', second = ''] = words
  if (second === NO_KEY && words.length > 2 && isHostName(first)) return head(words, 0, first)
  // An ident that was sent, or a format without ident and user.
  const [one, two] = [addressIn(first), addressIn(second)]
  if (two !== '' && words.length > 2) return head(words, 1, two)
  return one === '' || two !== '' ? undefined : head(words, 0, one)
}

function head(words: readonly string[], at: number, client: string): Head {
  const before = words[at - 1] ?? ''
  const isHost = /^[\w.-]*\w(:\d+)?$|^\[[\da-f:]+\](:\d+)?$/i.test(before)
  return { client, host: isHost ? before : '', user: words.slice(at + 2).join(' ') }
}

/** The same words, where a list `a, b, c` is one. */
function listed(words: readonly string[]): string[] {
  const joined: string[] = []
  let open = false
  for (const word of words) {
    if (open) joined[joined.length - 1] += word
    else joined.push(word)
    open = word.endsWith(',')
  }
  return joined
}

/** The client in a word: an address, a list of them, in quotes or not, or behind `file:` as grep writes it. */
function addressIn(word: string): string {
  const text = word.startsWith('"') && word.endsWith('"') ? word.slice(1, -1) : word
  const whole = clientKey(text)
  if (whole !== '' || !text.includes(':')) return whole
  for (let colon = text.indexOf(':'), i = 0; colon >= 0 && i < 3; i++) {
    const client = clientKey(text.slice(colon + 1))
    // `file:12:2001:db8::1` reads as an address from the line number on, in a network that is not in use.
    if (client !== '' && !/^[\da-f]{1,3}:/i.test(client)) return client
    colon = text.indexOf(':', colon + 1)
  }
  return ''
}
