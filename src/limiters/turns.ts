import { string } from '../core/check.ts'
import { at, type Clock } from '../core/clock.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import { ClosedError } from '../core/errors.ts'
import type { WaitOptions } from '../core/waiters.ts'
import { late } from './late.ts'
import type { LimiterWaitOptions } from './limiter.ts'
import { until } from './until.ts'

/** The callers of one key that wait for their turn, by group. The group whose turn is next comes first. */
type Groups = Map<string, Set<() => void>>

/** How long a caller is willing to wait, and what to call when no other caller needs to wait behind it. */
export interface Standing extends WaitOptions {
  /** Called when the limit is too small for the call as it is now. */
  readonly aside?: (() => void) | undefined
}

/**
 * Lets the groups that wait for one key take turns: one waiter at a time goes on to the limit itself, of each group in turn, so that
 * many waiters of one group do not go before the first of another.
 */
export class Turns {
  readonly #clock: Clock
  readonly #keys = new Map<string, Groups>()
  readonly #closing = new AbortController()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** True while a caller of a group waits for `key`. */
  busy(key: string): boolean {
    return this.#keys.has(key)
  }

  /** Waits for a turn, and has it until `serve` has settled, or has called `leave`. */
  async take<T>(
    key: string,
    group: string,
    deadline: Millis,
    signal: AbortSignal | undefined,
    serve: (leave: () => void) => Promise<T>,
  ): Promise<T> {
    const groups = this.#keys.get(key)
    if (groups === undefined) this.#keys.set(key, new Map())
    else await this.#stand(key, groups, group, deadline, signal)
    let left = false
    const leave = () => {
      if (!left) this.#next(key)
      left = true
    }
    try {
      return await serve(leave)
    } finally {
      leave()
    }
  }

  close(what: string): void {
    this.#closing.abort(new ClosedError(what))
  }

  async #stand(
    key: string,
    groups: Groups,
    group: string,
    deadline: Millis,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const waiters = groups.get(group) ?? new Set()
    groups.set(group, waiters)
    const closing = this.#closing.signal
    await until(signal === undefined ? [closing] : [closing, signal], (resolve, reject) => {
      waiters.add(resolve)
      const timeOut = () => reject(late(key, 0))
      const cancel = deadline === Infinity ? () => {} : at(this.#clock, deadline, timeOut)
      return () => {
        cancel()
        // At once: a turn that is given to a caller that has left would be lost, and all others would wait for ever.
        waiters.delete(resolve)
        if (waiters.size === 0 && groups.get(group) === waiters) groups.delete(group)
      }
    })
  }

  /** Calls the next one: the first of the group whose turn it is, which then stands behind the other groups. */
  #next(key: string): void {
    const groups = this.#keys.get(key) as Groups
    for (const [group, waiters] of groups) {
      const [call] = waiters
      if (call === undefined) continue
      waiters.delete(call)
      groups.delete(group)
      if (waiters.size > 0) groups.set(group, waiters)
      call()
      return
    }
    this.#keys.delete(key)
  }
}

/** Waits as `wait` does; where there are groups, when it is the turn of the caller's. */
export function waitInTurn<T>(
  limiter: { readonly turns: Turns; readonly clock: Clock },
  key: string,
  options: LimiterWaitOptions,
  wait: (patience: Standing) => Promise<T>,
): Promise<T> {
  const { group, timeout, signal } = options
  if (group === undefined && !limiter.turns.busy(key)) return wait(options)
  const place = group === undefined ? '' : string('group', group)
  const { clock } = limiter
  const deadline = timeout === undefined ? Infinity : clock.now() + toMillis('timeout', timeout)
  return limiter.turns.take(key, place, deadline, signal, (aside) =>
    wait({
      timeout: timeout && Math.max(0, deadline - clock.now()) / 1000,
      signal,
      aside,
    }),
  )
}
