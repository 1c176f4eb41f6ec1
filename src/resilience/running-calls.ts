import type { Micros } from '../core/duration.ts'

/** A call that a closed breaker has let through. */
export interface RunningCall {
  readonly began: Micros
  /** The place in the window at which the call was counted as slow while it ran; `undefined` when it was not. */
  counted: number | undefined
  /** Its neighbours in the list. */
  older: RunningCall | undefined
  newer: RunningCall | undefined
}

/**
 * The running calls of a closed breaker that are not yet counted as slow, oldest first. A doubly linked list: a call anywhere in it
 * is removed in O(1). In a Map, removed entries before the oldest one would make it slow to find.
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

  /** Removes a call. Does nothing to this list when the call is not in it, because it was removed or belongs to a list that was cleared. */
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
