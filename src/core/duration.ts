import { must, mustLie } from './check.ts'

/**
 * A length of time. A bare number is **seconds**, as in `Retry-After` and in Prometheus: `30_000` is more than eight hours.
 * Strings say their unit and read better: `'250ms'`, `'10s'`, `'1.5m'`, `'1h'`, `'7d'`.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** Milliseconds, the unit of JavaScript's clocks and timers. */
export type Millis = number

/** Microseconds, the unit rules count in: what Redis' TIME can tell apart. */
export type Micros = number

const UNITS: Readonly<Record<string, Millis>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const PATTERN = /^(\d+|\d*\.\d+)(ms|[smhd])$/

/** The longest duration: 2^53 microseconds, about 285 years, are where a double stops counting them one by one. */
const LONGEST: Millis = 2 ** 53 / 1000

/**
 * Reads the option `name` as milliseconds.
 *
 * @throws OptionTypeError when it is neither a number nor a duration string
 * @throws OptionRangeError when it is negative, not finite, or longer than 285 years
 */
export function toMillis(name: string, duration: Duration): Millis {
  const millis = typeof duration === 'number' ? duration * 1000 : parse(name, duration)
  const right = millis >= 0 && millis <= LONGEST
  mustLie(right, name, 'be a duration from 0 to 285 years', duration)
  return millis
}

/** As {@link toMillis}, in whole microseconds and never 0: what a window or a refill can be built on. */
export function toPositiveMicros(name: string, duration: Duration): Micros {
  const micros = Math.round(toMillis(name, duration) * 1000)
  mustLie(micros >= 1, name, 'be at least one microsecond', duration)
  return micros
}

function parse(name: string, text: string): Millis {
  const match = typeof text === 'string' ? PATTERN.exec(text) : null
  must(match !== null, name, `be seconds or a string like '250ms', '10s', '5m', '1h', '7d'`, text)
  const [, amount, unit] = match
  return Number(amount) * (UNITS[unit as string] as Millis)
}
