import { known, type OptionTable } from '../core/check.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { OptionRangeError } from '../core/errors.ts'

/** A period in parts, as the original has it. */
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
  let millis = 0
  if (typeof period === 'object' && period !== null) {
    known('a period', period, PERIOD, 'period')
    for (const [part, amount] of Object.entries(period)) {
      millis += toMillis(`period.${part}`, amount) * PARTS[part as keyof Period]
    }
  } else {
    millis = toMillis('period', period)
  }
  if (millis < 1) {
    throw new OptionRangeError('period', `period must be at least 1 ms, got ${millis / 1000} s`)
  }
  return millis
}
