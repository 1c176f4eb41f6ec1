import {
  acquireEach,
  type LeaseAnswer,
  type LeaseRequest,
  type LeaseStore,
  type LeaseWatch,
  releaseEach,
  renewEach,
  watchEach,
} from '../core/lease-store.ts'
import { isLocal, type Ledger, type RemoteLedger } from '../core/storage.ts'
import { numberOf } from './holder.ts'

/**
 * Leases over a ledger of the rule `lease`: for memory, and for a storage of a user's own, which only has to know rules.
 *
 * No other code uses that rule: a `reserve` takes the term in microseconds as its cost, and the number of the
 * holder as its last argument, above 0 to acquire and below 0 to renew.
 */
export function ledgerLeases(ledger: Ledger | RemoteLedger): LeaseStore {
  return isLocal(ledger) ? new LocalLeases(ledger) : new RemoteLeases(ledger)
}

class LocalLeases implements LeaseStore {
  readonly #ledger: Ledger

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  async acquire({ names, holder, term }: LeaseRequest): Promise<LeaseAnswer> {
    const ledger = this.#ledger
    const number = numberOf(holder)
    const tokens: number[] = []
    for (const [i, name] of names.entries()) {
      const wait = ledger.reserve(name, micros(term), number)
      if (wait < 0) {
        for (const taken of names.slice(0, i)) ledger.reserve(taken, 0, -number)
        return { wait: -wait / 1000, tokens: [] }
      }
      tokens.push(ledger.judged.token?.() as number)
    }
    return { wait: 0, tokens }
  }

  async renew({ names, holder, term }: LeaseRequest): Promise<boolean> {
    const number = numberOf(holder)
    return names.every((name) => this.#ledger.reserve(name, micros(term), -number) >= 0)
  }

  async release(names: readonly string[], holder: string): Promise<boolean> {
    const number = numberOf(holder)
    const had = names.map((name) => this.#ledger.reserve(name, 0, -number) === 0)
    return had.every((one) => one)
  }

  /** Only this process can give a lease back. */
  watch(): LeaseWatch {
    return { live: () => true, end: () => {} }
  }
}

class RemoteLeases implements LeaseStore {
  readonly #ledger: RemoteLedger

  constructor(ledger: RemoteLedger) {
    this.#ledger = ledger
  }

  async acquire(request: LeaseRequest): Promise<LeaseAnswer> {
    const { names, holder, term } = request
    if (names.length === 1) {
      const [name] = names as [string]
      const { wait, token } = await this.#ledger.run(
        'reserve',
        name,
        micros(term),
        numberOf(holder),
      )
      return { wait: -wait / 1000, tokens: [token as number] }
    }
    const { storage } = this.#ledger
    if (!storage.joins(names)) return acquireEach(this, request)
    const ledgers = names.map(() => this.#ledger)
    const verdicts = await storage.runAll('reserve', ledgers, names, micros(term), numberOf(holder))
    return {
      wait: Math.max(...verdicts.map(({ wait }) => -wait / 1000)),
      tokens: verdicts.map(({ token }) => token as number),
    }
  }

  async renew(request: LeaseRequest): Promise<boolean> {
    const { names, holder, term } = request
    if (names.length === 1) {
      const [name] = names as [string]
      return (await this.#ledger.run('reserve', name, micros(term), -numberOf(holder))).wait >= 0
    }
    const { storage } = this.#ledger
    if (!storage.joins(names)) return renewEach(this, request)
    const ledgers = names.map(() => this.#ledger)
    const verdicts = await storage.runAll(
      'reserve',
      ledgers,
      names,
      micros(term),
      -numberOf(holder),
    )
    return verdicts.every(({ wait }) => wait >= 0)
  }

  async release(
    names: readonly string[],
    holder: string,
    tokens: readonly number[],
  ): Promise<boolean> {
    if (names.length > 1) return releaseEach(this, names, holder, tokens)
    const { token } = await this.#ledger.run('refund', names[0] as string, 0, numberOf(holder))
    return token === tokens[0]
  }

  watch(names: readonly string[], freed: () => void): LeaseWatch {
    return watchEach(names.map((name) => this.#ledger.watch?.(name, freed)))
  }
}

function micros(term: number): number {
  return Math.ceil(term * 1000)
}
