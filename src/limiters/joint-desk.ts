import { within } from '../core/deadline.ts'
import type { Millis } from '../core/duration.ts'
import { isAioFluxError } from '../core/errors.ts'
import type { Move, RemoteStorage, Verdict } from '../core/storage.ts'
import { isVerdict, malformed, type RemoteDesk } from './remote-desk.ts'

/**
 * Asks the ledgers of several limiters in one trip, where one storage has them all. What one limiter knows about an outage holds for the
 * trip, and what the trip meets is known to each of the limiters.
 */
export class JointDesk {
  readonly #desks: readonly RemoteDesk[]
  readonly #storage: RemoteStorage
  /** The least patient of the limiters decides. */
  readonly #timeout: Millis | undefined

  private constructor(desks: readonly RemoteDesk[], storage: RemoteStorage) {
    this.#desks = desks
    this.#storage = storage
    const timeouts = desks.flatMap(({ timeout }) => (timeout === undefined ? [] : [timeout]))
    this.#timeout = timeouts.length === 0 ? undefined : Math.min(...timeouts)
  }

  /** The desk of all of `desks`; none where one is missing, or where the storages are several. */
  static of(desks: readonly (RemoteDesk | undefined)[]): JointDesk | undefined {
    const all = desks.filter((desk) => desk !== undefined)
    const storage = all[0]?.ledger.storage
    if (storage === undefined || all.length < desks.length) return undefined
    return all.every(({ ledger }) => ledger.storage === storage)
      ? new JointDesk(all, storage)
      : undefined
  }

  /**
   * A verdict of each ledger about its key, all or none; `undefined` where they cannot be asked together, or where the storage is left
   * alone or fails: each limiter then answers by its own outage policy.
   */
  async ask(
    move: Move,
    keys: readonly string[],
    cost: number,
  ): Promise<readonly Verdict[] | undefined> {
    const desks = this.#desks
    if (!this.#storage.joins(keys) || desks.some(({ leftAlone }) => leftAlone)) return undefined
    for (const desk of desks) desk.asking()
    try {
      const verdicts = await this.#send(move, keys, cost)
      for (const desk of desks) desk.answered()
      return verdicts
    } catch (error) {
      const down = isAioFluxError(error, 'STORAGE_DOWN')
      for (const desk of desks) {
        if (down) desk.failed(error)
        else desk.unanswered()
      }
      if (!down) throw error
      return undefined
    }
  }

  async #send(move: Move, keys: readonly string[], cost: number): Promise<readonly Verdict[]> {
    const ledgers = this.#desks.map(({ ledger }) => ledger)
    const answer = this.#storage.runAll(move, ledgers, keys, cost, 0)
    const verdicts = await (this.#timeout === undefined ? answer : within(this.#timeout, answer))
    const whole = Array.isArray(verdicts) && verdicts.length === ledgers.length
    if (!whole || !verdicts.every(isVerdict)) throw malformed(verdicts)
    return verdicts
  }
}
