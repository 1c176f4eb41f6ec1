import type { QuotaState } from '../state.ts'
import { either, LANGUAGE, w } from './words.ts'

const number = new Intl.NumberFormat(LANGUAGE === 'ru' ? 'ru' : 'en', { maximumFractionDigits: 1 })
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const minutes = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const full = new Intl.DateTimeFormat(LANGUAGE === 'ru' ? 'ru' : 'en-GB', {
  dateStyle: 'medium',
  timeStyle: 'long',
})
const day = new Intl.DateTimeFormat(LANGUAGE === 'ru' ? 'ru' : 'en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})

/** The unit of what is counted a second. */
export const PER_SECOND: string = either('/s', '/с')

/** Three significant digits; whole numbers whole. */
export function figure(value: number | null | undefined): string {
  if (value === undefined || value === null) return '–'
  if (Number.isInteger(value) || value >= 100) return number.format(Math.round(value))
  return number.format(Number(value.toPrecision(value < 10 ? 2 : 3)))
}

/** A span in seconds, in the two largest units that say something. */
export function span(seconds: number | null | undefined): string {
  if (seconds === undefined || seconds === null || !Number.isFinite(seconds)) return '–'
  const s = Math.max(0, seconds)
  const [ms, sec, min, h, d] = either('ms s min h d', 'мс с мин ч д').split(' ')
  if (s === 0) return `0 ${sec}`
  if (s < 0.0995) return `${figure(Number((s * 1000).toPrecision(2)))} ${ms}`
  if (s < 10) return `${figure(Number(s.toPrecision(2)))} ${sec}`
  if (s < 59.5) return `${Math.round(s)} ${sec}`
  if (s < 3570) {
    const rest = Math.round(s % 60)
    return s < 600 && rest > 0 && rest < 60
      ? `${Math.floor(s / 60)} ${min} ${rest} ${sec}`
      : `${Math.round(s / 60)} ${min}`
  }
  if (s < 86_000) {
    const rest = Math.round((s % 3600) / 60)
    return rest > 0 && rest < 60 && s < 36_000
      ? `${Math.floor(s / 3600)} ${h} ${rest} ${min}`
      : `${Math.round(s / 3600)} ${h}`
  }
  return `${Math.round(s / 86_400)} ${d}`
}

/** An age as a clock shows it: 15:48. */
export function age(seconds: number): string {
  if (seconds < 60) return span(seconds)
  const s = Math.floor(seconds)
  const two = (n: number) => String(n).padStart(2, '0')
  if (s >= 86_400) return span(s)
  return s < 3600
    ? `${Math.floor(s / 60)}:${two(s % 60)}`
    : `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`
}

export const time = (at: number): string =>
  Math.abs(Date.now() - at) > 86_400_000 ? day.format(at) : clock.format(at)
export const hour = (at: number): string => minutes.format(at)
export const exact = (at: number): string => full.format(at)

export function since(at: number, now: number): string {
  return either(`${span((now - at) / 1000)} ago`, `${span((now - at) / 1000)} назад`)
}

export function until(at: number, now: number): string {
  return at <= now
    ? w('now')
    : either(`in ${span((at - now) / 1000)}`, `через ${span((at - now) / 1000)}`)
}

export function percent(share: number): string {
  return `${figure(Number((share * 100).toPrecision(share < 0.1 ? 2 : 3)))} %`
}

export function bytes(value: number): string {
  return value < 1e9 ? `${figure(value / 1e6)} MB` : `${figure(value / 1e9)} GB`
}

/** A limit as people write it: 100 per 1m. */
export function quota(q: QuotaState | undefined): string {
  if (q === undefined) return ''
  if (q.limit !== undefined) return either(`${figure(q.limit)} at once`, `${figure(q.limit)} сразу`)
  const { rate = 0, per = 1, align, burst, capacity } = q
  if (align !== undefined)
    return either(`${figure(rate)} each ${align}`, `${figure(rate)} за ${w(align)}`)
  const text = either(`${figure(rate)} per ${period(per)}`, `${figure(rate)} за ${period(per)}`)
  if (capacity !== undefined) return `${text}, capacity ${figure(capacity)}`
  return burst === undefined ? text : `${text}, burst ${figure(burst)}`
}

/** The numbers of a limit that can be changed. */
export function numbersOf(q: QuotaState | undefined): [string, number][] {
  return Object.entries(q ?? {}).filter(([, value]) => typeof value === 'number')
}

export function period(seconds: number): string {
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
  ] as const) {
    if (seconds >= size && seconds % size === 0) return `${seconds / size}${unit}`
  }
  return seconds < 1 ? `${seconds * 1000}ms` : `${seconds}s`
}
