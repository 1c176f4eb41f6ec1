import { Cron } from 'croner'
import { string } from '../core/check.ts'
import type { Millis } from '../core/duration.ts'
import { describe, OptionRangeError } from '../core/errors.ts'
import type { Plan } from './plan.ts'

/** Missed slots are counted one by one, up to this number: finding the next slot takes about 0.1 ms. */
const COUNTED = 1000

/**
 * The slots of a cron expression. croner reads it and knows the calendar; its own timers are not used.
 *
 * @throws OptionTypeError | OptionRangeError when the expression or the time zone cannot be read
 */
export function cronPlan(expression: string, timezone: string | undefined): Plan {
  const cron = parse(expression, timezone)
  const next = (after: Millis): Millis | undefined => {
    // A slot that is not later than `after` would be fired for ever. A change of clocks must not lead to one.
    for (let from = after; from < after + 100_000; from += 1000) {
      const slot = cron.nextRun(new Date(from))?.getTime()
      if (slot === undefined || slot > after) return slot
    }
    return undefined
  }
  return {
    dated: true,
    next,
    span: (first, to) => {
      let last = first
      for (let count = 1; count <= COUNTED; count++) {
        const slot = next(last)
        if (slot === undefined || slot > to) return { last, count, more: false }
        last = slot
      }
      const newest = cron.previousRuns(1, new Date(to + 1))[0]?.getTime() ?? last
      return { last: Math.max(last, newest), count: COUNTED, more: true }
    },
    startsAfter: (now) => now,
  }
}

function parse(expression: string, timezone: string | undefined): Cron {
  string('expression', expression)
  checkTimezone(timezone)
  // croner would read a date as well, and run once. For that there is `at`.
  if (!/\s|^@/.test(expression.trim())) throw unreadable(expression, 'it has one field')
  try {
    return new Cron(expression, { paused: true, ...(timezone !== undefined && { timezone }) })
  } catch (error) {
    throw unreadable(expression, error instanceof Error ? error.message : String(error))
  }
}

/** @throws OptionTypeError | OptionRangeError when the runtime does not know the zone */
export function checkTimezone(timezone: string | undefined): void {
  if (timezone === undefined) return
  string('timezone', timezone)
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone })
  } catch {
    throw new OptionRangeError(
      'timezone',
      `timezone must be a name like 'Europe/Berlin', got ${describe(timezone)}`,
    )
  }
}

function unreadable(expression: string, why: string): OptionRangeError {
  return new OptionRangeError(
    'expression',
    `expression must be a cron expression, got ${describe(expression)}: ${why}`,
  )
}
