import type { Micros } from '../../core/duration.ts'
import { CHARGED, RELEASED, SETTLED, type SettledAs } from '../../core/rule.ts'
import type { AboutHold, Hold } from '../../core/storage.ts'
import type { ReservationKeeper } from './reservation.ts'

/** How a storage that does not remember a reservation settles it. */
export function unknownMeans({ ttl }: Hold, again: boolean): SettledAs {
  if (again) return SETTLED
  return ttl > 0 ? CHARGED : RELEASED
}

/** The hold with another `ttl`; its sign says what happens at the end. */
export function endingAs(hold: Hold, ttl: Micros): Hold {
  return { id: hold.id, ttl: hold.ttl > 0 ? ttl : -ttl }
}

/** The argument of a `hold` in an external storage. */
export function aboutHold({ id, ttl }: Hold): AboutHold {
  return { id, with: ttl }
}

/** The argument of a `settle` in an external storage. */
export function aboutSettling(
  hold: Hold,
  actual: number | readonly number[],
  again: boolean,
): AboutHold {
  return { id: hold.id, with: unknownMeans(hold, again), actual }
}

/** The keeper of a shadow: its reservations never expire for the caller. */
export function neverOver(keeper: ReservationKeeper): ReservationKeeper {
  return {
    ...keeper,
    extend(ttl) {
      const answer = keeper.extend(ttl)
      return answer instanceof Promise ? answer.then(() => true) : true
    },
  }
}

/** Keeps the parts of one reservation, each with its own price of the actual number. */
export function keptTogether(
  parts: readonly ReservationKeeper[],
  pricesOf: (actual: number) => readonly number[],
): ReservationKeeper {
  return {
    settle(actual, again, cancelled) {
      // All prices are computed before anything is settled: a function of the user may throw.
      const prices = cancelled ? parts.map(() => 0) : pricesOf(actual)
      const answers: Promise<void>[] = []
      for (const [i, part] of parts.entries()) {
        const answer = part.settle(prices[i] as number, again, cancelled)
        if (answer !== undefined) answers.push(answer)
      }
      return answers.length === 0 ? undefined : Promise.all(answers).then(() => {})
    },
    async extend(ttl) {
      const open = await Promise.all(parts.map(async (part) => part.extend(ttl)))
      return open.every(Boolean)
    },
    excuses: (error) => parts.some((part) => part.excuses?.(error)),
  }
}
