import { within } from '../../core/deadline.ts'
import type { Millis } from '../../core/duration.ts'
import { isAioFluxError } from '../../core/errors.ts'
import type { Rule } from '../../core/rule.ts'
import type { AboutHold, Move, RemoteStorage, Verdict } from '../../core/storage.ts'
import { isVerdict, type LedgerClient, malformed } from '../remote/ledger-client.ts'

/** One question to several ledgers. */
export interface Asked {
  /** The cost: the same for all, or one for each. */
  readonly costs: number | readonly number[]
  /** The rules that judge this move instead of the ledgers' own, where set. */
  readonly rules?: readonly (Rule | undefined)[] | undefined
  readonly about?: AboutHold | undefined
}

/**
 * Asks the ledgers of several limiters in one trip, where one storage has them all. When one limiter knows of an outage, the trip is not
 * made; when the trip fails, all of the limiters know.
 */
export class JointClient {
  readonly #clients: readonly LedgerClient[]
  readonly #storage: RemoteStorage
  /** The shortest `storageTimeout` of the limiters. */
  readonly #timeout: Millis | undefined

  private constructor(clients: readonly LedgerClient[], storage: RemoteStorage) {
    this.#clients = clients
    this.#storage = storage
    const timeouts = clients.flatMap(({ timeout }) => (timeout === undefined ? [] : [timeout]))
    this.#timeout = timeouts.length === 0 ? undefined : Math.min(...timeouts)
  }

  /** The client of all of `clients`; none where one is missing, or where the storages are several. */
  static of(clients: readonly (LedgerClient | undefined)[]): JointClient | undefined {
    const all = clients.filter((client) => client !== undefined)
    const storage = all[0]?.ledger.storage
    if (storage === undefined || all.length < clients.length) return undefined
    return all.every(({ ledger }) => ledger.storage === storage)
      ? new JointClient(all, storage)
      : undefined
  }

  /**
   * A verdict of each ledger about its key, all or none; `undefined` where they cannot be asked together, or where the storage is left
   * alone or fails: each limiter then answers by its own outage policy.
   */
  async ask(
    move: Move,
    keys: readonly string[],
    asked: Asked,
  ): Promise<readonly Verdict[] | undefined> {
    const clients = this.#clients
    if (!this.#storage.joins(keys) || clients.some(({ leftAlone }) => leftAlone)) return undefined
    try {
      return await this.#send(move, keys, asked)
    } catch (error) {
      if (isAioFluxError(error, 'STORAGE_DOWN')) return undefined
      throw error
    }
  }

  /**
   * Makes a move that no policy can answer for, such as settling what was asked for together.
   *
   * @returns true when each ledger has answered yes
   * @throws StorageDownError (rejects): at once while the storage is left alone, and otherwise within the shortest `storageTimeout`
   */
  async tell(move: Move, keys: readonly string[], asked: Asked): Promise<boolean> {
    for (const { leftAlone } of this.#clients) if (leftAlone) throw leftAlone
    const verdicts = await this.#send(move, keys, asked)
    return verdicts.every(({ wait }) => wait >= 0)
  }

  /** Asks the storage, and reports success or failure to each client. */
  async #send(move: Move, keys: readonly string[], asked: Asked): Promise<readonly Verdict[]> {
    const clients = this.#clients
    for (const client of clients) client.asking()
    try {
      const verdicts = await this.#run(move, keys, asked)
      for (const client of clients) client.answered()
      return verdicts
    } catch (error) {
      const down = isAioFluxError(error, 'STORAGE_DOWN')
      for (const client of clients) {
        if (down) client.failed(error)
        else client.unanswered()
      }
      throw error
    }
  }

  async #run(move: Move, keys: readonly string[], asked: Asked): Promise<readonly Verdict[]> {
    const ledgers = this.#clients.map(({ ledger }) => ledger)
    const { costs, rules, about } = asked
    const answer = this.#storage.runAll(move, ledgers, keys, costs, 0, rules, about)
    const verdicts = await (this.#timeout === undefined
      ? answer
      : within(this.#timeout, answer, () => this.#storage.trouble))
    const whole = Array.isArray(verdicts) && verdicts.length === ledgers.length
    if (!whole || !verdicts.every(isVerdict)) throw malformed(verdicts)
    return verdicts
  }
}
