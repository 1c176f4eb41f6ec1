import type { Micros } from '../../core/duration.ts'
import { CHARGED, RELEASED, SETTLED, type SettledAs } from '../../core/rule.ts'
import type { AboutHold, Hold } from '../../core/storage.ts'
import type { ReservationKeeper } from './reservation.ts'

/** What a number means to a storage that does not remember it. */
export function unknownMeans({ ttl }: Hold, again: boolean): SettledAs {
  if (again) return SETTLED
  return ttl > 0 ? CHARGED : RELEASED
}

/** `ttl` as of a reservation that ends as `hold` does. */
export function endingAs(hold: Hold, ttl: Micros): Hold {
  return { id: hold.id, ttl: hold.ttl > 0 ? ttl : -ttl }
}

/** What a `hold` in a storage elsewhere is about. */
export function aboutHold({ id, ttl }: Hold): AboutHold {
  return { id, with: ttl }
}

/** What a `settle` in a storage elsewhere is about. */
export function aboutSettling(
  hold: Hold,
  actual: number | readonly number[],
  again: boolean,
): AboutHold {
  return { id: hold.id, with: unknownMeans(hold, again), actual }
}

/** Of a shadow: whether it keeps what it was asked to ends no reservation. */
export function neverOver(keeper: ReservationKeeper): ReservationKeeper {
  return {
    ...keeper,
    extend(ttl) {
      const answer = keeper.extend(ttl)
      return answer instanceof Promise ? answer.then(() => true) : true
    },
  }
}

/** Keeps the parts of one reservation, each with its own price for what was used. */
export function keptTogether(
  parts: readonly ReservationKeeper[],
  pricesOf: (actual: number) => readonly number[],
): ReservationKeeper {
  return {
    settle(actual, again, cancelled) {
      // All are read before anything is settled: what reads them may throw.
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
