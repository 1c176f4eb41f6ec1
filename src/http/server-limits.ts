import type { Millis } from '../core/duration.ts'
import { parseHttpDate } from './http-date.ts'
import { type Member, parseDictionary, parseList } from './parse-structured-field.ts'
import { secondsOf, secondsUntil } from './server-time.ts'

/** No longer field says anything: servers and clients of HTTP allow 8 to 16 kB for all of them together. */
const LONGEST_FIELD = 16_384

/** How much a server says is left, for how long. */
export interface AnnouncedQuota {
  readonly remaining: number
  /** Seconds until there is more. */
  readonly seconds: number
}

/** What a server says in a response about its limits. */
export interface ServerLimits {
  /**
   * The request was not done: `'limited'`, since there were too many, or `'unavailable'`, where it may have been half done.
   * `undefined` for all other answers.
   */
  readonly refusal: 'limited' | 'unavailable' | undefined
  /** Seconds during which no call may be sent. `undefined` when the server does not say. */
  readonly pause: number | undefined
  /** What is left, one for each policy. */
  readonly quotas: readonly AnnouncedQuota[]
}

/**
 * What `response` says about the limits of its server. A date in it is compared with its own `Date`, so that clocks need not agree.
 *
 * `Retry-After` takes precedence over `RateLimit`; of 403 it says that there were too many requests. What a cache has answered
 * (`Age`) says nothing about now.
 */
export function serverLimitsOf({ status, headers }: Response, now: Millis): ServerLimits {
  const fresh = !isFromCache(headers)
  const sent = parseHttpDate(headers.get('date') ?? '', now) ?? now
  const after = fresh ? retryAfter(fieldOf(headers, 'retry-after'), sent) : undefined
  const quotas = fresh ? quotasOf(headers, sent) : []
  const refusal = refusalOf(status, after !== undefined)
  const used = longest(quotas.filter(({ remaining }) => remaining < 1))
  // To be refused and told of a reset that has passed already is to be told nothing.
  const reset = refusal !== undefined && used === 0 ? undefined : used
  const pause = refusal === undefined && used === undefined ? undefined : (after ?? reset)
  return { refusal, pause, quotas }
}

function fieldOf(headers: Headers, name: string): string | null {
  const field = headers.get(name)
  return field !== null && field.length <= LONGEST_FIELD ? field : null
}

function refusalOf(status: number, withTime: boolean): ServerLimits['refusal'] {
  if (status === 429 || (status === 403 && withTime)) return 'limited'
  return status === 503 ? 'unavailable' : undefined
}

/** RFC 9111, section 5.1: seconds since the origin has answered. Some caches send 0 with what they have just fetched. */
function isFromCache(headers: Headers): boolean {
  const [first = ''] = (headers.get('age') ?? '').split(',', 1)
  return /^\d+$/.test(first.trim()) && Number(first) > 0
}

/** RFC 9110, section 10.2.3. Of several, which are no more than one should be, the longest. */
function retryAfter(field: string | null, sent: Millis): number | undefined {
  if (field === null) return undefined
  return secondsUntil(field, sent) ?? longest(field.split(',').map((one) => timed(one, sent)))
}

/** The standard's field where it can be read, else what was there before it. */
function quotasOf(headers: Headers, sent: Millis): readonly AnnouncedQuota[] {
  const field = fieldOf(headers, 'ratelimit')
  const standard = field === null ? [] : rateLimit(field, sent)
  return standard.length > 0 ? standard : separate(headers, sent)
}

/** `"name";r=5;t=30` of draft 8 and later, or `limit=100, remaining=5, reset=30` of draft 7, in any order. */
function rateLimit(field: string, sent: Millis): AnnouncedQuota[] {
  const list = parseList(field)
  if (list !== undefined) return list.flatMap((member) => quota(member, 'r', 't', sent))
  const members = parseDictionary(field) ?? new Map<string, Member>()
  const all = new Map([...members.values()].flatMap(({ parameters }) => [...parameters]))
  for (const [name, { value }] of members) if ('type' in value) all.set(name, value)
  return quota({ value: [], parameters: all }, 'remaining', 'reset', sent)
}

function quota(
  { parameters }: Member,
  left: string,
  until: string,
  sent: Millis,
): AnnouncedQuota[] {
  const [remaining, reset] = [parameters.get(left)?.value, parameters.get(until)?.value]
  if (typeof remaining !== 'number' || typeof reset !== 'number') return []
  return sound(remaining, secondsOf(reset, sent))
}

/** A field for each number: `RateLimit-*` of draft 6, and the `X-RateLimit-*` of GitHub and many others. */
function separate(headers: Headers, sent: Millis): AnnouncedQuota[] {
  return ['ratelimit', 'x-ratelimit', 'x-rate-limit'].flatMap((family) => {
    const remaining = fieldOf(headers, `${family}-remaining`)
    const reset = fieldOf(headers, `${family}-reset`)
    if (remaining === null || reset === null) return []
    const whole = sound(amount(remaining), secondsUntil(reset, sent))
    if (whole.length > 0) return whole
    // Two servers on the way may have said so, one after the other.
    const resets = reset.split(',')
    const lefts = remaining.split(',')
    if (lefts.length !== resets.length) return []
    return lefts.flatMap((left, i) => sound(amount(left), secondsUntil(resets[i] ?? '', sent)))
  })
}

function sound(remaining: number, seconds: number | undefined): AnnouncedQuota[] {
  // Below 0 more was used than there was, so nothing is left.
  if (Number.isNaN(remaining) || seconds === undefined) return []
  return [{ remaining: Math.max(0, remaining), seconds }]
}

function amount(text: string): number {
  return /^-?\d{1,30}(?:\.\d{0,30})?$/.test(text.trim()) ? Number(text) : Number.NaN
}

function timed(text: string, sent: Millis): Pick<AnnouncedQuota, 'seconds'> | undefined {
  const seconds = secondsUntil(text, sent)
  return seconds === undefined ? undefined : { seconds }
}

function longest(
  times: readonly (Pick<AnnouncedQuota, 'seconds'> | undefined)[],
): number | undefined {
  let most: number | undefined
  for (const time of times) {
    if (time !== undefined && !(time.seconds <= (most ?? -1))) most = time.seconds
  }
  return most
}
