import {
  type AboutHold,
  type Duration,
  type LimiterStorage,
  MemoryStorage,
  type Move,
  type RemoteLedger,
  type RemoteStorage,
  type Rule,
  remoteLimiters,
  type State,
  type Verdict,
} from 'aioflux'
import type { ManualClock } from 'aioflux/testing'

type Record = { state: State; blocked: number }

/** What several processes share: they ask at once, and each hears the answer when its own line brings it. */
export class SharedStates {
  readonly values: MemoryStorage
  readonly #clock: ManualClock
  readonly #records = new Map<string, Record>()

  constructor(clock: ManualClock) {
    this.#clock = clock
    this.values = new MemoryStorage({ clock })
  }

  move(
    rule: Rule,
    name: string,
    move: Move,
    cost: number,
    extra: number,
    about?: AboutHold,
  ): Verdict {
    const now = Math.round(this.#clock.now() * 1000)
    const record = this.#records.get(name) ?? { state: rule.fresh(now), blocked: 0 }
    const state = move === 'peek' ? [...record.state] : record.state
    let wait = 0
    if (move === 'block') record.blocked = now + extra
    else if (move === 'report' && about) {
      const report = {
        level: about.id,
        count: cost,
        amount: about.actual as number,
        bad: about.with,
      }
      wait = rule.report?.(state, now, report) ?? 0
    } else if (move === 'refund') rule.refund(state, now, cost, now + extra)
    else if (move !== 'reset') {
      const left = record.blocked - now
      if (left <= 0) wait = rule.reserve(state, now, cost, extra)
      else {
        const own = extra > 0 ? 0 : rule.reserve([...state], now, cost, 0)
        wait = own > -Infinity ? Math.min(-left, own) : -left
      }
    }
    if (move === 'reset') this.#records.delete(name)
    else this.#records.set(name, record)
    // A look says how it stands, and not how it would.
    const left = move === 'peek' ? record.state : state
    const rest = { remaining: rule.remaining(left, now), idleAfter: rule.idleAfter(left, now) }
    const token = rule.token?.(state)
    return { wait, ...rest, ...(token !== undefined && { token }) }
  }
}

/** A storage elsewhere, as one process sees it: what is asked is done at once, and answered late. */
export class LateStorage extends MemoryStorage implements LimiterStorage {
  readonly limiters = remoteLimiters
  /** Milliseconds that each answer takes. */
  delay = 0
  readonly #shared: SharedStates
  readonly #clock: ManualClock

  constructor(shared: SharedStates, clock: ManualClock) {
    super({ clock })
    this.#shared = shared
    this.#clock = clock
  }

  /** Its ledgers are asked together: all or none. */
  readonly #joined: RemoteStorage = {
    joins: () => true,
    runAll: (move, ledgers, keys, cost, extra, rules) =>
      this.#late(() => {
        const all = (what: Move) =>
          keys.map((key, i) => {
            const { rule, scope } = ledgers[i] as RemoteLedger
            const own = typeof cost === 'number' ? cost : (cost[i] as number)
            const name = JSON.stringify([rule.kind, scope, key])
            return this.#shared.move(rules?.[i] ?? rule, name, what, own, extra)
          })
        if (move !== 'reserve') return all(move)
        const looks = all('peek')
        return looks.every(({ wait }) => wait >= 0) ? all(move) : looks
      }),
  }

  override open(rule: Rule, scope: string): never {
    const run: RemoteLedger['run'] = (move, key, cost, extra, brought, about) =>
      this.#late(() => {
        const name = JSON.stringify([rule.kind, scope, key])
        return this.#shared.move(brought ?? ledger.rule, name, move, cost, extra, about)
      })
    const ledger: RemoteLedger & { rule: Rule } = {
      rule,
      scope,
      storage: this.#joined,
      run,
      reconfigure: (next) => {
        ledger.rule = next
      },
    }
    return ledger as never
  }

  override get<T>(key: string): Promise<T | undefined> {
    return this.#late(() => this.#shared.values.get<T>(key))
  }
  override set(key: string, value: unknown, ttl?: Duration): Promise<void> {
    return this.#late(() => this.#shared.values.set(key, value, ttl))
  }
  override incr(key: string, by?: number): Promise<number> {
    return this.#late(() => this.#shared.values.incr(key, by))
  }
  override delete(key: string): Promise<boolean> {
    return this.#late(() => this.#shared.values.delete(key))
  }
  override exists(key: string): Promise<boolean> {
    return this.#late(() => this.#shared.values.exists(key))
  }

  async #late<T>(ask: () => T | Promise<T>): Promise<T> {
    const answer = ask()
    const { delay } = this
    if (delay > 0) await new Promise<void>((resolve) => this.#clock.after(delay, resolve))
    return answer
  }
}
