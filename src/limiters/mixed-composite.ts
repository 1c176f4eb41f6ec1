import { at, type Clock, systemClock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { ClosedError, describe, OptionTypeError, WaitTimeoutError } from '../core/errors.ts'
import { Events, type Listener } from '../core/events.ts'
import type { QuotaChange } from '../core/rule.ts'
import { combined, compositeName, noQuota } from './composite-limiter.ts'
import type { Limiter, LimiterEvents, LimiterStats, WaitOptions } from './limiter.ts'
import { SyncLimiter } from './sync-limiter.ts'

/** Any limiter, and the key under which it is asked. */
export interface Member {
  readonly limiter: Limiter
  readonly keyOf: (key: string) => string
}

/** How often a waiter asks again when nobody can tell a time. */
const UNTOLD: Millis = 50

/**
 * Several limiters of any kind as one, through their public verbs alone: takes from each in order, and when one says no
 * or fails, gives back to those before it, last first. What is being given back is briefly missing for others, so
 * this can deny a call that would just have fitted; it never lets one through that should not.
 */
export class MixedComposite implements Limiter {
  readonly name: string
  readonly #members: readonly Member[]
  readonly clock: Clock
  readonly #events = new Events<LimiterEvents>()
  /** For each key, when the last in line has been served. */
  readonly #lines = new Map<string, Promise<void>>()
  readonly #closing = new AbortController()
  #allowed = 0
  #denied = 0
  #waiting = 0

  constructor(members: readonly Member[]) {
    this.#members = members
    this.clock = members.find(({ limiter }) => limiter.clock)?.limiter.clock ?? systemClock
    this.name = compositeName(members)
  }

  async acquire(key = '', tokens = 1): Promise<boolean> {
    return (await this.consume(key, tokens)).allowed
  }

  async consume(key = '', cost = 1): Promise<Decision> {
    const decision = this.#lines.has(key)
      ? { ...(await this.peek(key, cost)), allowed: false }
      : await this.#take(key, cost)
    if (decision.allowed) {
      this.#allowed += 1
      if (this.#events.heard) this.#events.emit('allowed', { key, cost })
    } else {
      this.#denied += 1
      if (this.#events.heard) {
        this.#events.emit('denied', { key, cost, retryAfter: decision.retryAfter })
      }
    }
    return decision
  }

  async peek(key = '', cost = 1): Promise<Decision> {
    const decisions = await Promise.all(
      this.#members.map(({ limiter, keyOf }) => limiter.peek(keyOf(key), cost)),
    )
    return this.#judged(decisions, cost)
  }

  async wait(key = '', options: WaitOptions = {}): Promise<Decision> {
    const { cost = 1, timeout, signal } = options
    signal?.throwIfAborted()
    const started = this.clock.now()
    const deadline = timeout === undefined ? Infinity : started + toMillis('timeout', timeout)
    const before = this.#lines.get(key)
    let served = () => {}
    const turn = new Promise<void>((resolve) => {
      served = resolve
    })
    const line = before === undefined ? turn : before.then(() => turn)
    this.#lines.set(key, line)
    this.#waiting += 1
    try {
      if (before !== undefined) await this.#until(before, deadline, signal)
      for (;;) {
        const decision = await this.#take(key, cost)
        if (decision.allowed) {
          this.#allowed += 1
          const seconds = (this.clock.now() - started) / 1000
          if (this.#events.heard) this.#events.emit('waited', { key, cost, seconds })
          return decision
        }
        const pause = decision.retryAfter > 0 ? decision.retryAfter * 1000 : UNTOLD
        if (this.clock.now() + pause > deadline) throw this.#late(key, decision.retryAfter)
        await this.#until(undefined, this.clock.now() + pause, signal, true)
      }
    } catch (error) {
      this.#denied += 1
      throw error
    } finally {
      this.#waiting -= 1
      served()
      if (this.#lines.get(key) === line) this.#lines.delete(key)
    }
  }

  async schedule<T>(
    key: string,
    fn: (signal: AbortSignal) => T | Promise<T>,
    options: WaitOptions = {},
  ): Promise<T> {
    if (typeof fn !== 'function') {
      throw new OptionTypeError('fn', `fn must be a function, got ${describe(fn)}`)
    }
    await this.wait(key, options)
    try {
      return await fn(options.signal ?? this.#closing.signal)
    } finally {
      for (const { limiter, keyOf } of this.#members) {
        if (limiter instanceof SyncLimiter) limiter.leave(keyOf(key), options.cost ?? 1)
      }
    }
  }

  async release(key = '', tokens = 1): Promise<void> {
    for (const { limiter, keyOf } of [...this.#members].reverse()) {
      await limiter.release(keyOf(key), tokens)
    }
  }

  async reset(key = ''): Promise<void> {
    await Promise.all(this.#members.map(({ limiter, keyOf }) => limiter.reset(keyOf(key))))
  }

  async block(key: string, duration: Duration): Promise<void> {
    await Promise.all(
      this.#members.map(({ limiter, keyOf }) => limiter.block(keyOf(key), duration)),
    )
  }

  async getStats(key = ''): Promise<LimiterStats> {
    const stats = await Promise.all(
      this.#members.map(({ limiter, keyOf }) => limiter.getStats(keyOf(key))),
    )
    const sum = (pick: (one: LimiterStats) => number) =>
      stats.reduce((total, one) => total + pick(one), 0)
    const tightest = stats.reduce((least, one) => (one.remaining < least.remaining ? one : least))
    return {
      name: this.name,
      allowed: this.#allowed,
      denied: this.#denied,
      waiting: this.#waiting,
      keys: sum((one) => one.keys),
      evicted: sum((one) => one.evicted),
      limit: tightest.limit,
      remaining: tightest.remaining,
      resetAfter: Math.max(...stats.map((one) => one.resetAfter)),
    }
  }

  async reconfigure(_quota: QuotaChange): Promise<void> {
    throw noQuota()
  }

  on<Name extends keyof LimiterEvents>(
    event: Name,
    listener: Listener<LimiterEvents[Name]>,
  ): () => void {
    return this.#events.on(event, listener)
  }

  async close(): Promise<void> {
    this.#closing.abort(new ClosedError(this.name))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #take(key: string, cost: number): Promise<Decision> {
    const taken: Member[] = []
    const decisions: Decision[] = []
    let whole = false
    try {
      for (const member of this.#members) {
        const decision = await member.limiter.consume(member.keyOf(key), cost)
        decisions.push(decision)
        if (!decision.allowed) break
        taken.push(member)
      }
      whole = taken.length === this.#members.length
    } finally {
      if (!whole) {
        for (const { limiter, keyOf } of taken.reverse()) await limiter.release(keyOf(key), cost)
      }
    }
    if (whole) return this.#judged(decisions, cost)
    const judged = await this.peek(key, cost)
    const refused = decisions.at(-1) as Decision
    return {
      ...judged,
      allowed: false,
      retryAfter: Math.max(judged.retryAfter, refused.retryAfter),
      deniedBy: this.#members[decisions.length - 1]?.limiter.name ?? this.name,
    }
  }

  #judged(decisions: readonly Decision[], cost: number): Decision {
    const denier = decisions.findIndex((decision) => !decision.allowed)
    const retryAfter = Math.max(0, ...decisions.map((decision) => decision.retryAfter))
    const judged = { ...combined(decisions), allowed: denier < 0, retryAfter, cost }
    const name = this.#members[denier]?.limiter.name
    return name === undefined ? judged : { ...judged, deniedBy: name }
  }

  /** Waits for `event` or, with `sleep`, just for the time to pass. */
  #until(
    event: Promise<void> | undefined,
    deadline: Millis,
    signal: AbortSignal | undefined,
    sleep = false,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const signals = signal === undefined ? [this.#closing.signal] : [this.#closing.signal, signal]
      const abort = () => end(() => reject(signals.find((one) => one.aborted)?.reason))
      const timer =
        deadline === Infinity
          ? () => {}
          : at(this.clock, deadline, () => end(sleep ? resolve : () => reject(this.#late('', 0))))
      const end = (settle: () => void) => {
        timer()
        for (const one of signals) one.removeEventListener('abort', abort)
        settle()
      }
      for (const one of signals) one.addEventListener('abort', abort)
      if (signals.some((one) => one.aborted)) abort()
      void event?.then(() => end(resolve))
    })
  }

  #late(key: string, retryAfter: number): WaitTimeoutError {
    return new WaitTimeoutError(`what ${describe(key)} waits for cannot come in time`, retryAfter)
  }
}
