import type { Micros } from '../core/duration.ts'

/** A call that a closed breaker has let through. */
export interface RunningCall {
  readonly began: Micros
  /** Where the window has counted it as slow while it ran; `undefined` where it has not. */
  counted: number | undefined
  /** Its neighbours in the list. */
  older: RunningCall | undefined
  newer: RunningCall | undefined
}

/**
 * The calls of a closed breaker that have not ended and are not known to be slow, oldest first. A doubly linked list: a call ends
 * anywhere in it in O(1), and leaves no hole before the oldest, as it would in a Map.
 */
export class RunningCalls {
  #oldest: RunningCall | undefined
  #newest: RunningCall | undefined

  begin(now: Micros): RunningCall {
    const call: RunningCall = {
      began: now,
      counted: undefined,
      older: this.#newest,
      newer: undefined,
    }
    if (this.#newest === undefined) this.#oldest = call
    else this.#newest.newer = call
    this.#newest = call
    return call
  }

  /** Takes out the oldest call, if it began before `time`. */
  shift(time: Micros): RunningCall | undefined {
    const call = this.#oldest
    if (call === undefined || call.began >= time) return undefined
    this.delete(call)
    return call
  }

  /** A call of an earlier list, or one that was taken out, is no longer linked with any of this one: nothing happens. */
  delete(call: RunningCall): void {
    const { older, newer } = call
    if (this.#oldest === call) this.#oldest = newer
    if (this.#newest === call) this.#newest = older
    if (older !== undefined) older.newer = newer
    if (newer !== undefined) newer.older = older
    call.older = undefined
    call.newer = undefined
  }

  clear(): void {
    this.#oldest = undefined
    this.#newest = undefined
  }
}
