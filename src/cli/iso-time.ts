import type { Millis } from '../core/duration.ts'

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?) ?(Z|[+-]\d\d:?\d\d)?)?$/i

/** A date and time as in ISO 8601; without a zone it is taken for UTC, as servers log it. `NaN` if it is none. */
export function isoTime(text: string): Millis {
  // What nearly every logger writes, which the runtime reads fast.
  if (text.length === 24 && text[23] === 'Z') return Date.parse(text)
  const parts = ISO.exec(text)
  if (parts === null) return Number.NaN
  const [, date, time = '00:00', zone = 'Z'] = parts
  return Date.parse(`${date}T${time.replace(',', '.')}${zone.toUpperCase()}`)
}

/** Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size, in milliseconds. */
export function epochTime(number: number): Millis {
  // 1e11 is the year 5138 in seconds and 1973 in milliseconds: no log is near either edge.
  if (number < 1e11) return Math.round(number * 1e6) / 1e3
  if (number < 1e14) return number
  return number < 1e17 ? number / 1e3 : number / 1e6
}
