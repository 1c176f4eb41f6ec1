import type { Micros } from '../core/duration.ts'
import type { State } from '../core/rule.ts'

// The open reservations, behind the numbers of a bucket: `[..., id, low, ends, id, low, ends, ...]`.
//   low   the most that can be given back: the cost, or the lowest level of the bucket since then, if that is less. With a smaller
//         estimate the bucket would have been empty at that moment, and the rest of the refill would have been lost.
//   ends  when it is forgotten; negative when it is given back then
const FIRST = 2
const WIDTH = 3
/** The most open reservations of one key: as many as a script can read at once. */
const MOST = 2000

/** How long until there is a place for one more, if none is settled before; 0 when there is one. */
export function crowdedFor(state: State, now: Micros): Micros {
  if (state.length < FIRST + MOST * WIDTH) return 0
  let first = Infinity
  for (let i = FIRST; i < state.length; i += WIDTH) {
    first = Math.min(first, Math.abs(state[i + 2] as number))
  }
  return Math.max(0, first - now)
}

/** The rest of `used` after the expired reservations were given back. */
export function afterReturns(state: State, now: Micros, used: number): number {
  let left = used
  for (let i = FIRST; i < state.length; i += WIDTH) {
    if ((state[i + 2] as number) >= 0 || !over(state, i, now)) continue
    left -= Math.min(state[i + 1] as number, left)
  }
  return left
}

/** Forgets expired reservations, and notes `used` in the others when it is the lowest since they were made. */
export function note(state: State, now: Micros, used: number): void {
  let kept = FIRST
  for (let i = FIRST; i < state.length; i += WIDTH) {
    if (over(state, i, now)) continue
    state[kept] = state[i] as number
    state[kept + 1] = Math.min(state[i + 1] as number, used)
    state[kept + 2] = state[i + 2] as number
    kept += WIDTH
  }
  state.length = kept
}

/** Remembers one more reservation, which ends `ttl` after `now`. */
export function open(state: State, now: Micros, id: number, cost: number, ttl: Micros): void {
  state.push(id, cost, endOf(now, ttl))
}

/** The index of `id`, or -1. */
export function find(state: State, id: number): number {
  for (let i = FIRST; i < state.length; i += WIDTH) if (state[i] === id) return i
  return -1
}

/** The most that the reservation at `i` can give back, while `used` is used; `undefined` when it has expired. */
export function refundable(state: State, i: number, now: Micros, used: number): number | undefined {
  return i < 0 || over(state, i, now) ? undefined : Math.min(state[i + 1] as number, used)
}

/** True when the reservation at `i` was given back at the end of its time; `undefined` when there is none. */
export function wasReturned(state: State, i: number): boolean | undefined {
  return i < 0 ? undefined : (state[i + 2] as number) < 0
}

export function forget(state: State, i: number): void {
  if (i < 0) return
  state.copyWithin(i, i + WIDTH)
  state.length -= WIDTH
}

export function prolong(state: State, i: number, now: Micros, ttl: Micros): void {
  state[i + 2] = endOf(now, ttl)
}

/** How long until all are forgotten. */
export function openFor(state: State, now: Micros): Micros {
  let last = now
  for (let i = FIRST; i < state.length; i += WIDTH) {
    last = Math.max(last, Math.abs(state[i + 2] as number))
  }
  return last - now
}

function over(state: State, i: number, now: Micros): boolean {
  return Math.abs(state[i + 2] as number) <= now
}

/** When a reservation is forgotten. A reservation that stays charged is remembered for another `ttl`, so that it can be settled late. */
function endOf(now: Micros, ttl: Micros): Micros {
  return ttl < 0 ? ttl - now : now + 2 * ttl
}
