import type { Verdict } from '../../core/storage.ts'
import type { Terms } from '../calls/terms.ts'
import type { LedgerClient } from './ledger-client.ts'

/** Permits that were taken together, as the storage knows them. */
export interface StoredPermit {
  /** Their number. To ask for the same number again renews them, and takes nothing more. */
  readonly id: number
  readonly key: string
  /** How many. */
  readonly tokens: number
}

/** What is done with the answer of the storage, and without one: as in {@link LedgerClient.ask}. */
export interface PermitAnswers<T> {
  use(verdict: Verdict): T | Promise<T>
  /** @param sent true where the storage was asked, so that it may have done what it did not answer */
  without(failure: Error | undefined, sent: boolean): T | Promise<T>
}

/**
 * The permits that a storage keeps, each a lease: acquire, renew, release.
 *
 * They are kept by the rule `permits`, so that a composite can take them together with other limits in one script. This is the only place
 * that speaks to that rule: a `reserve` or `refund` takes the number of the permits as its last argument.
 */
export class PermitStore {
  readonly #client: LedgerClient

  constructor(client: LedgerClient) {
    this.#client = client
  }

  acquire<T>(
    { id, key, tokens }: StoredPermit,
    { use, without }: PermitAnswers<T>,
    terms?: Terms,
  ): Promise<T> {
    return this.#client.ask('reserve', key, tokens, id, use, without, terms)
  }

  /** Asks whether permits could be had. Changes nothing. */
  peek<T>(
    { id, key, tokens }: StoredPermit,
    { use, without }: PermitAnswers<T>,
    terms?: Terms,
  ): Promise<T> {
    return this.#client.ask('peek', key, tokens, id, use, without, terms)
  }

  /** A new term for permits that are held. Does not reject. @returns false when that was not answered with a yes */
  renew({ id, key, tokens }: StoredPermit): Promise<boolean> {
    return this.#client.insist('reserve', key, tokens, id)
  }

  /**
   * Gives permits back. Does not reject.
   *
   * @param tokens how many of them
   * @returns true when the storage has answered
   */
  release({ id, key }: StoredPermit, tokens: number): Promise<boolean> {
    return this.#client.insist('refund', key, tokens, id)
  }
}
