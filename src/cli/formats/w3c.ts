import type { Millis } from '../../core/duration.ts'
import { clientKey } from './client.ts'
import { costOf, type LineReader, type LogFormat, NO_KEY, ownField, type Wanted } from './record.ts'
import { requestPath } from './request-line.ts'
import { anyTime } from './times.ts'

/**
 * The W3C extended format (https://www.w3.org/TR/WD-logfile.html) of IIS and of AWS CloudFront's standard logs
 * (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html). A line `#Fields:`
 * names the fields of the lines after it:
 *
 *     #Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status
 *     2024-03-07 09:00:01 10.0.0.5 GET /index.htm - 443 - 203.0.113.7 Mozilla/5.0 200
 *
 * IIS parts the values by spaces, CloudFront by tabs. The times are UTC.
 */
export const w3c: LogFormat = { name: 'w3c', reader: (wanted) => new W3cReader(wanted).read }

/** The same, where a part of a CloudFront log has lost its `#Fields:`: the fields that AWS has always written first. */
export const cloudfront: LogFormat = {
  name: 'cloudfront',
  reader: (wanted) => new W3cReader(wanted, CLOUDFRONT).read,
}

const CLOUDFRONT: readonly string[] = (
  'date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) ' +
  'cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken ' +
  'x-forwarded-for'
).split(' ')

/** What other formats call these fields. */
const SHORT: Readonly<Record<string, readonly string[]>> = {
  ip: ['c-ip'],
  path: ['cs-uri-stem', 'cs-uri'],
  user: ['cs-username'],
  method: ['cs-method'],
  status: ['sc-status'],
  host: ['cs-host', 'cs(host)', 'x-host-header', 's-computername'],
  referer: ['cs(referer)'],
  agent: ['cs(user-agent)'],
  bytes: ['sc-bytes'],
  forwarded: ['x-forwarded-for', 'cs(x-forwarded-for)'],
}

const HOUR: Millis = 3_600_000
const DAY: Millis = 24 * HOUR

class W3cReader {
  readonly #wanted: Wanted
  /** The time of the last line of a file whose lines have no date, at first that of `#Date:`. */
  #last: Millis = Number.NaN
  /** The midnight before `#Date:`; no line is before it. */
  #first: Millis = Number.NaN
  #fields: readonly string[]
  /** True after `#Fields:`. Without it the list is only the beginning of a line. */
  #named = false
  #key = -1
  #cost = -1
  #time = -1
  #dateAt = -1

  constructor(wanted: Wanted, fields: readonly string[] = []) {
    this.#wanted = wanted
    this.#fields = fields
    this.#name(fields)
  }

  readonly read: LineReader = (line) => {
    if (line.charCodeAt(0) === 0x23) return this.#directive(line)
    if (this.#fields.length === 0) return 'shape'
    const values = line.split(line.includes('\t') ? '\t' : ' ')
    // A line that was cut off lacks its last fields. A line with more words is of another format.
    if (values.length < this.#fields.length / 2) return 'shape'
    if (values.length > this.#fields.length && this.#named) return 'shape'
    const time = this.#timeOf(values)
    if (!(time >= 0)) return 'time'
    const { key, cost } = this.#wanted
    const found = values[this.#key] ?? ''
    const named = key === 'ip' ? clientKey(decoded(found)) : key === 'path' ? pathOf(found) : found
    if (key === 'ip' && named === '') return 'client'
    return { time, key: named || NO_KEY, cost: cost === undefined ? 1 : costOf(values[this.#cost]) }
  }

  #directive(line: string): 'comment' | 'shape' {
    const [, name = '', value = ''] = /^#\s*([\w-]+):\s*(.*)$/.exec(line) ?? []
    if (/^fields$/i.test(name)) {
      this.#named = true
      this.#name(value.trim().split(/\s+/))
    }
    if (/^date$/i.test(name)) {
      const whole = anyTime(value.trim())
      this.#last = Number.isNaN(whole) ? anyTime(value.slice(0, 10)) : whole
      this.#first = this.#last - (this.#last % DAY)
    }
    return name === '' ? 'shape' : 'comment'
  }

  #name(fields: readonly string[]): void {
    this.#fields = fields.map((field) => field.toLowerCase())
    const { key, cost, time } = this.#wanted
    this.#key = this.#place(key)
    this.#cost = cost === undefined ? -1 : this.#place(cost)
    this.#dateAt = this.#place('date')
    this.#time = this.#place(time ?? 'time')
  }

  #place(name: string): number {
    for (const field of ownField(SHORT, name) ?? [name.toLowerCase()]) {
      const place = this.#fields.indexOf(field)
      if (place >= 0) return place
    }
    return -1
  }

  #timeOf(values: readonly string[]): number {
    const text = values[this.#time] ?? ''
    if (this.#wanted.time !== undefined && !/^\d\d:\d\d/.test(text)) return anyTime(text)
    return this.#dateAt < 0 ? this.#ofDay(text) : anyTime(`${values[this.#dateAt]}T${text}Z`)
  }

  /** A time without a date: on the day of the line before, and where that would be long before that line, on the next day. */
  #ofDay(text: string): Millis {
    const midnight = this.#last - (this.#last % DAY)
    const time = midnight + anyTime(`1970-01-01T${text}Z`)
    if (Number.isNaN(time)) return time
    const near = time + Math.ceil((this.#last - HOUR - time) / DAY) * DAY
    this.#last = near < this.#first ? near + DAY : near
    return this.#last
  }
}

/** CloudFront writes what is no plain text as in a URL: a list of addresses has `,%20` in it. */
function decoded(text: string): string {
  return text.includes('%') ? text.replaceAll('%20', ' ').replaceAll('%25', '%') : text
}

function pathOf(text: string): string {
  return text === NO_KEY ? '' : requestPath(text)
}
