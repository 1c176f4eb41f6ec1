import { type Cancel, systemClock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import type { Micros, Millis } from '../core/duration.ts'
import type { Policy } from '../core/policy.ts'
import type { QuotaChange } from '../core/rule.ts'
import type { RemoteLedger, Watch } from '../core/storage.ts'
import { decisionUnder } from './decision-of.ts'
import { KnockingLimiter } from './knocking-limiter.ts'
import type { KeyCounts, WaitOptions } from './limiter.ts'
import { type Permit, permitOf } from './permit.ts'
import { policyOf } from './policy-of.ts'
import { RemoteDesk, type RemoteOptions } from './remote-desk.ts'
import { NOTHING_HELD, type ReservationKeeper } from './reservations/reservation.ts'
import { type CallOptions, costOf, type Terms, TermsReader } from './terms.ts'

/** Permits are numbered at random in so many bits; the odds of two alike inside at once are nothing. */
const ID_BITS = 48

interface Held {
  readonly id: number
  readonly key: string
  tokens: number
}

/**
 * How many at once over many processes, for each key. A permit is a lease: this process renews those it holds, three times in
 * their life; when the process dies, they come back by themselves.
 *
 * Those who wait are woken when something is given back, by whichever process, and ask once a second in case they were not
 * (every 50 ms where the storage cannot wake them): in this process first come, first served; across processes whoever
 * asks first.
 */
export class RemoteConcurrency extends KnockingLimiter {
  readonly #desk: RemoteDesk
  /** What this process holds, by key; the last taken is given back first. */
  readonly #held = new Map<string, Held[]>()
  readonly #leaving = new Set<Promise<void>>()
  readonly #beat: Millis
  readonly #terms: TermsReader
  #stopHeart: Cancel | undefined

  constructor(ledger: RemoteLedger, options: RemoteOptions) {
    super(options.name, options.clock ?? systemClock, options.shadow)
    this.#terms = new TermsReader(options.name, ledger.rule, options.classes)
    this.#desk = new RemoteDesk(ledger, options, this.clock, this.events)
    this.observe(options.metrics)
    this.#beat = ledger.rule.span / 1000 / 3
  }

  get capacity(): number {
    return this.#desk.capacity
  }

  get policies(): readonly Policy[] {
    return [policyOf(this.name, this.#desk.ledger.rule)]
  }

  /** Waits for permits. */
  async permit(key = '', options: WaitOptions = {}): Promise<Permit> {
    await this.wait(key, options)
    return this.#issue(key, options.cost ?? 1)
  }

  /** Permits, if they can be had now. */
  async tryPermit(key = '', call: number | CallOptions = 1): Promise<Permit | undefined> {
    return (await this.acquire(key, call)) ? this.#issue(key, costOf(call)) : undefined
  }

  get unheld(): string {
    return this.#desk.ledger.rule.kind
  }

  /** @internal Nothing can be reserved here. */
  keeperOf(): ReservationKeeper {
    return NOTHING_HELD
  }

  termsOf(call: CallOptions): Terms | undefined {
    return this.#terms.read(this.#desk.ledger.rule, call)
  }

  capacityUnder({ rule }: Terms): number {
    return rule?.capacity ?? this.capacity
  }

  knows(name: string): boolean {
    return this.#terms.classes !== undefined && Object.hasOwn(this.#terms.classes, name)
  }

  override async close(): Promise<void> {
    await super.close()
    const held = [...this.#held.values()].flat()
    this.#held.clear()
    this.#stopHeart?.()
    // What is on its way back has to get there, or others wait until its lease ends.
    const returns = held.map(({ id, key, tokens }) => this.#return(key, tokens, id))
    await Promise.all([...returns, ...this.#leaving])
  }

  protected decide(
    move: 'reserve' | 'peek',
    key: string,
    cost: number,
    terms?: Terms,
  ): Promise<Decision> {
    const id = Math.floor(Math.random() * 2 ** ID_BITS) + 1
    return this.#desk.ask(
      move,
      key,
      cost,
      id,
      (verdict) => {
        if (move === 'reserve' && verdict.wait >= 0) this.#hold(id, key, cost)
        return decisionUnder(terms, verdict, this.capacity, cost)
      },
      (failure) => this.#desk.withoutStorage(failure, move, key, cost, terms),
      terms,
    )
  }

  protected async giveBack(key: string, cost: number): Promise<void> {
    const held = this.#held.get(key)
    // Nothing is held: it was taken in an outage, or given back before.
    if (held === undefined) await this.#desk.standIn?.release(key, cost)
    for (let left = cost; left > 0 && held !== undefined && held.length > 0; ) {
      const last = held[held.length - 1] as Held
      const tokens = Math.min(left, last.tokens)
      left -= tokens
      last.tokens -= tokens
      if (last.tokens === 0) held.pop()
      if (held.length === 0) this.#held.delete(key)
      await this.#return(key, tokens, last.id)
    }
    if (this.#held.size === 0) this.#stopHeart?.()
  }

  protected override watch(key: string, freed: () => void): Watch | undefined {
    return this.#desk.ledger.watch?.(key, freed)
  }

  override leave(key: string, cost: number): void {
    // What cannot be returned now comes back when its lease ends.
    const returned = this.giveBack(key, cost)
      .catch(() => {})
      .finally(() => this.#leaving.delete(returned))
    this.#leaving.add(returned)
  }

  protected async forget(key: string): Promise<void> {
    this.#held.delete(key)
    await this.#desk.ledger.run('reset', key, 1, 0)
  }

  protected async hold(key: string, duration: Micros, replace: boolean): Promise<void> {
    await this.#desk.ledger.run('block', key, replace ? 2 : 1, duration)
  }

  protected async change(quota: QuotaChange): Promise<void> {
    const { ledger } = this.#desk
    ledger.reconfigure(ledger.rule.with(quota))
  }

  protected async counts(): Promise<KeyCounts> {
    return { keys: this.#held.size, evicted: 0, crowded: 0 }
  }

  #issue(key: string, tokens: number): Permit {
    return permitOf(key, tokens, () => this.leave(key, tokens))
  }

  async #return(key: string, tokens: number, id: number): Promise<void> {
    await this.#desk.ledger.run('refund', key, tokens, id)
  }

  #hold(id: number, key: string, tokens: number): void {
    const held = this.#held.get(key)
    if (held === undefined) this.#held.set(key, [{ id, key, tokens }])
    else held.push({ id, key, tokens })
    if (this.#held.size === 1 && held === undefined) this.#startHeart()
  }

  /** Renews what is held. A renewal that fails is tried again at the next beat: a lease outlives two that are missed. */
  #startHeart(): void {
    this.#stopHeart?.()
    const beat = () => {
      for (const { id, key, tokens } of [...this.#held.values()].flat()) {
        this.#desk.ledger.run('reserve', key, tokens, id).catch(() => {})
      }
      this.#startHeart()
    }
    this.#stopHeart = (this.clock.after ?? systemClock.after)?.call(
      this.clock,
      this.#beat,
      beat,
      true,
    )
  }
}
