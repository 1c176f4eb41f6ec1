import { between, known, type OptionTable } from '../core/check.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { OptionRangeError } from '../core/errors.ts'

/** A period as numbers of days, hours, minutes and seconds, which are added up. */
export interface Period {
  days?: number
  hours?: number
  minutes?: number
  seconds?: number
}

const PERIOD: OptionTable<Period> = { days: true, hours: true, minutes: true, seconds: true }

const PARTS: Readonly<Record<keyof Period, number>> = {
  days: 86_400,
  hours: 3600,
  minutes: 60,
  seconds: 1,
}

/** @throws OptionTypeError | OptionRangeError naming the part and its value */
export function periodMillis(period: Duration | Period): Millis {
  const millis = toMillis(
    'period',
    typeof period === 'object' && period !== null ? secondsOf(period) : period,
  )
  if (millis < 1) {
    throw new OptionRangeError('period', `period must be at least 1 ms, got ${millis / 1000} s`)
  }
  return millis
}

function secondsOf(period: Period): number {
  known('a period', period, PERIOD, 'period')
  let seconds = 0
  for (const [part, amount = 0] of Object.entries(period)) {
    // A number only: '1h' as `hours` would be 3600 hours.
    seconds += between(`period.${part}`, amount, 0, Number.MAX_VALUE) * PARTS[part as keyof Period]
  }
  return seconds
}
