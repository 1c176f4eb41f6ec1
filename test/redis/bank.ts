import { type Rule, type State, StorageDownError, tokenBucket } from 'aioflux'
import type { ManualClock } from 'aioflux/testing'
import type { Move, Verdict } from '../../src/core/storage.ts'
import { aged } from '../../src/redis/borrowing/token-lease.ts'
import type { Lender, Lent } from '../../src/redis/states/lender.ts'

/** One key of a lender, by the rule itself: what driver.lua does, without a server. */
export class Bank {
  rule: Rule
  lent = 0
  /** Calls by name. */
  readonly calls: string[] = []
  readonly #clock: ManualClock
  #state: State
  #blocked = 0

  constructor(clock: ManualClock, rule: Rule = tokenBucket({ rate: 1000, burst: 100 })) {
    this.#clock = clock
    this.rule = rule
    this.#state = rule.fresh(this.now())
  }

  now(): number {
    return Math.round(this.#clock.now() * 1000)
  }

  get remaining(): number {
    return this.rule.remaining(this.#state, this.now())
  }

  move(move: Move, cost: number, extra: number): Verdict {
    this.calls.push(move)
    const now = this.now()
    const state = [...this.#state]
    let wait = 0
    if (move === 'reserve' || move === 'peek') {
      wait = this.#blocked > now ? now - this.#blocked : this.rule.reserve(state, now, cost, extra)
      if (wait >= 0 && move === 'reserve') this.#state = state
    } else if (move === 'refund') this.rule.refund(this.#state, now, cost, now + extra)
    else if (move === 'reset') {
      this.#state = this.rule.fresh(now)
      this.#blocked = 0
    } else this.#blocked = cost === 2 ? now + extra : Math.max(this.#blocked, now + extra)
    return this.#verdict(wait)
  }

  lend(cost: number, want: number): Lent {
    this.calls.push('lend')
    const now = this.now()
    const none = (wait: number) => ({ verdict: this.#verdict(wait), tokens: 0, at: now })
    const take = (tokens: number) =>
      this.#blocked > now ? now - this.#blocked : this.rule.reserve(this.#state, now, tokens, 0)
    if (cost > 0) {
      const wait = take(cost)
      if (wait < 0) return none(wait)
    }
    const lot = Math.min(want, Math.max(1, Math.floor(this.remaining / 4)))
    const wait = take(lot)
    if (wait < 0) return none(cost > 0 ? 0 : wait)
    this.lent += lot
    return { verdict: this.#verdict(0), tokens: lot, at: now }
  }

  takeBack(rest: number, at: number): void {
    this.calls.push('return')
    const now = this.now()
    const back = aged(rest, now - at, this.rule.drain?.interval ?? Number.NaN)
    if (back > 0) this.rule.refund(this.#state, now, back, now)
  }

  #verdict(wait: number): Verdict {
    const now = this.now()
    return {
      wait,
      remaining: Math.floor(this.rule.remaining(this.#state, now)),
      idleAfter: Math.ceil(this.rule.idleAfter(this.#state, now)),
    }
  }
}

/** The way to a bank: what is asked arrives, and is answered, after a while, in order. */
export class Teller implements Lender {
  readonly scope = 'bank'
  readonly storage = {
    joins: () => false,
    runAll: () => Promise.reject(new Error('a bank knows no composites')),
  }
  /** Milliseconds for each way. */
  delay: () => number = () => 0
  /** Does it refuse to answer? */
  down = false
  readonly #bank: Bank
  readonly #clock: ManualClock
  #there = 0
  #back = 0

  constructor(bank: Bank, clock: ManualClock) {
    this.#bank = bank
    this.#clock = clock
  }

  get rule(): Rule {
    return this.#bank.rule
  }

  run(move: Move, _key: string, cost: number, extra: number): Promise<Verdict> {
    return this.#ask(() => this.#bank.move(move, cost, extra))
  }

  lend(_key: string, cost: number, want: number): Promise<Lent> {
    return this.#ask(() => this.#bank.lend(cost, want))
  }

  takeBack(_key: string, rest: number, at: number): Promise<void> {
    return this.#ask(() => this.#bank.takeBack(rest, at))
  }

  reconfigure(rule: Rule): void {
    this.#bank.rule = rule
  }

  #ask<T>(work: () => T): Promise<T> {
    if (this.down) return Promise.reject(new StorageDownError('down'))
    const [there, back] = [this.delay(), this.delay()]
    if (there + back === 0 && this.#back <= this.#clock.now()) return Promise.resolve(work())
    return new Promise((resolve) => {
      this.#there = this.#after(this.#there, there, () => {
        const answer = work()
        this.#back = this.#after(this.#back, back, () => resolve(answer))
      })
    })
  }

  /** Runs something in `delay`, and not before what was sent before; returns when. */
  #after(before: number, delay: number, run: () => void): number {
    const due = Math.max(before, this.#clock.now() + delay)
    this.#clock.after(due - this.#clock.now(), run)
    return due
  }
}
