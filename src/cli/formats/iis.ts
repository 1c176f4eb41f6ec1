import { clientKey } from './client.ts'
import { costOf, type LogFormat, NO_KEY } from './record.ts'

/**
 * IIS' own format, with commas
 * (https://learn.microsoft.com/en-us/previous-versions/iis/6.0-sdk/ms525807(v=vs.90)); the usual format of IIS is `w3c`:
 *
 *     192.168.114.201, -, 03/20/01, 7:55:20, W3SVC2, SALES1, 172.21.13.45, 4502, 163, 3223, 200, 0, GET, /DeptLogo.gif, -,
 *
 * The date is month/day/year, unless the first number is above 12. The time is that of the server, without a zone.
 */
export const iis: LogFormat = {
  name: 'iis',
  reader({ key, time: timeField, cost }) {
    if (timeField !== undefined && timeField !== 'time') return () => 'time'
    return (line) => {
      const values = line.split(',', FIELDS.length + 1).map((value) => value.trim())
      if (values.length < FIELDS.length) return 'shape'
      const time = timeOf(values[2] as string, values[3] as string)
      if (Number.isNaN(time)) return /\d/.test(values[2] as string) ? 'time' : 'shape'
      const field = (name: string) => {
        const value = values[FIELDS.indexOf(name)] ?? ''
        return name === 'ip' ? clientKey(value) : value
      }
      const counted = field(key)
      if (key === 'ip' && counted === '') return 'client'
      return { time, key: counted || NO_KEY, cost: cost === undefined ? 1 : costOf(field(cost)) }
    }
  },
}

const FIELDS: readonly string[] = [
  'ip',
  'user',
  'date',
  'time',
  'service',
  'server',
  's-ip',
  'time-taken',
  'cs-bytes',
  'bytes',
  'status',
  'win32-status',
  'method',
  'path',
]

function timeOf(date: string, time: string): number {
  const [, a, b, year] = /^(\d{1,2})\/(\d{1,2})\/(\d{2}|\d{4})$/.exec(date) ?? []
  const [, hours, minutes, seconds] = /^(\d{1,2}):(\d\d):(\d\d)$/.exec(time) ?? []
  if (year === undefined || hours === undefined) return Number.NaN
  const [month, day] = Number(a) > 12 ? [Number(b), Number(a)] : [Number(a), Number(b)]
  const full = year.length === 4 ? Number(year) : Number(year) + (Number(year) < 70 ? 2000 : 1900)
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= 31 && Number(hours) < 24)) return Number.NaN
  return Date.UTC(full, month - 1, day, Number(hours), Number(minutes), Number(seconds))
}
