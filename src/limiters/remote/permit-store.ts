import type { Verdict } from '../../core/storage.ts'
import type { Terms } from '../calls/terms.ts'
import type { LedgerClient } from './ledger-client.ts'

/** Permits that were taken together. */
export interface StoredPermit {
  /** Their number in the storage. A request with the same number renews them, and takes no more. */
  readonly id: number
  readonly key: string
  /** How many. */
  readonly tokens: number
}

/** The handlers of the answer of the storage, and of a missing answer: as in {@link LedgerClient.ask}. */
export interface PermitAnswers<T> {
  use(verdict: Verdict): T | Promise<T>
  /** @param sent true when the request was sent, so that the storage may have acted without answering */
  without(failure: Error | undefined, sent: boolean): T | Promise<T>
}

/**
 * The permits that a storage keeps, each a lease: acquire, renew, release.
 *
 * The rule `permits` keeps them, so that a composite can take them together with other limits in one script. This is the only place that
 * uses this rule: a `reserve` or `refund` takes the number of the permits as its last argument.
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

  /** Asks whether permits are free. Changes nothing. */
  peek<T>(
    { id, key, tokens }: StoredPermit,
    { use, without }: PermitAnswers<T>,
    terms?: Terms,
  ): Promise<T> {
    return this.#client.ask('peek', key, tokens, id, use, without, terms)
  }

  /** Renews permits. Does not reject. @returns true when the storage has confirmed it */
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
