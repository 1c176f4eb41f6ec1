import { parseItems } from './structured-field.ts'

/** How much a server says is left, for how long. */
export interface Quota {
  readonly remaining: number
  /** Seconds until there is more. */
  readonly seconds: number
}

/** What a response says about when to come again. */
export interface Advice {
  /** Seconds, of `Retry-After`. */
  readonly retryAfter: number | undefined
  /** Of `RateLimit`, one for each policy, or of the fields that were there before it. */
  readonly quotas: readonly Quota[]
}

/** A number of seconds above this is a date: 2001, and nobody waits for 30 years. */
const EPOCH = 1e9

/** What `response` advises. A date in it is compared with its own `Date`, so that clocks need not agree. */
export function adviceOf({ headers }: Response, now: number): Advice {
  const date = Date.parse(headers.get('date') ?? '')
  const sent = Number.isNaN(date) ? now : date
  return {
    retryAfter: retryAfter(headers.get('retry-after'), sent),
    quotas: rateLimit(headers.get('ratelimit')) ?? separate(headers, sent),
  }
}

/** RFC 9110, section 10.2.3: seconds, or a date. What is neither says nothing. */
function retryAfter(field: string | null, sent: number): number | undefined {
  const text = field?.trim() ?? ''
  if (/^\d+$/.test(text)) return Number(text)
  // Dates have letters; `Date.parse` reads more than that.
  const date = /^[a-z]/i.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, (date - sent) / 1000)
}

/** `"name";r=5;t=30` of draft 8 and later, or `limit=100, remaining=5, reset=30` of draft 7. */
function rateLimit(field: string | null): Quota[] | undefined {
  if (field === null) return undefined
  const old = /remaining=(\d+).*reset=(\d+)/.exec(field)
  if (old !== null) return [{ remaining: Number(old[1]), seconds: Number(old[2]) }]
  return (parseItems(field) ?? []).flatMap(({ parameters }) => {
    const [remaining, seconds] = [parameters.get('r'), parameters.get('t')]
    return typeof remaining === 'number' && typeof seconds === 'number'
      ? [{ remaining, seconds }]
      : []
  })
}

/** A field for each number: `RateLimit-*` of draft 6, and the `X-RateLimit-*` of GitHub and many others. */
function separate(headers: Headers, sent: number): Quota[] {
  return ['ratelimit', 'x-ratelimit', 'x-rate-limit'].flatMap((family) => {
    const [remaining, reset] = ['remaining', 'reset'].map((name) => {
      const text = headers.get(`${family}-${name}`)
      return text === null || text.trim() === '' ? Number.NaN : Number(text)
    }) as [number, number]
    if (!(remaining >= 0 && reset >= 0)) return []
    return [{ remaining, seconds: reset > EPOCH ? Math.max(0, reset - sent / 1000) : reset }]
  })
}
