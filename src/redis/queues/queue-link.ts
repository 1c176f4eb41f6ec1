import type { Clock } from '../../core/clock.ts'
import { AioFluxError, StorageFullError } from '../../core/errors.ts'
import type { Watch } from '../../core/storage.ts'
import type { Confirmed } from '../client/confirmer.ts'
import type { Heard } from '../client/wake-hub.ts'
import type { Script } from '../scripts/script.ts'
import { type QueueKeys, queueKeys } from './keys.ts'
import type { Read } from './replies.ts'
import { type Form, type QueueScript, queueScript } from './scripts.ts'

/** The parts of a storage that a queue uses. */
export interface QueueHost {
  readonly prefix: string
  readonly cluster: boolean
  /** The time that scripts go by, in microseconds; '' for the server's own. */
  readonly present: string
  /** The clock of the timers in this process. */
  readonly timers: Clock
  execute(
    script: Script,
    keys: string[],
    args: string[],
    late?: (reply: unknown) => void,
  ): Promise<unknown>
  /** How many replicas have all earlier writes. */
  confirm(key: string, replicas: number): Promise<Confirmed>
  listen(channel: string, heard: Heard): Watch
}

/** Runs the scripts of a queue, in the form that fits its options now. */
export class QueueLink {
  readonly keys: QueueKeys
  /** The name of the queue. */
  readonly name: string
  /** Names this process, as far as this queue is concerned. */
  readonly process: string
  readonly cluster: boolean
  readonly timers: Clock
  readonly #storage: QueueHost
  #form: Form = { routed: false, limit: 'none' }
  #reached: number | undefined
  #failure: unknown
  /** Called, and awaited where it returns a promise, before each script. */
  before: () => Promise<void> | undefined = () => undefined
  /** Called with the error when the store cannot be reached, and with `undefined` when it can be reached again. */
  trouble: (error: unknown) => void = () => {}

  constructor(storage: QueueHost, name: string) {
    this.#storage = storage
    this.name = name
    this.keys = queueKeys(storage.prefix, name)
    this.process = crypto.randomUUID().slice(0, 13).replace('-', '')
    this.cluster = storage.cluster
    this.timers = storage.timers
  }

  get lastReached(): number | undefined {
    return this.#reached
  }

  get routed(): boolean {
    return this.#form.routed
  }

  /** Groups or keys are used from now on. */
  route(): void {
    if (!this.#form.routed) this.#form = { ...this.#form, routed: true }
  }

  listen(process: string | undefined, heard: Heard): Watch {
    return this.#storage.listen(this.keys.channel(process), heard)
  }

  /** How many replicas have all earlier writes; waits until `replicas` of them have, for no longer than the timeout. */
  confirm(replicas: number): Promise<Confirmed> {
    return this.#storage.confirm(this.keys.plain[0] as string, replicas)
  }

  /**
   * Runs a script.
   *
   * @param resultTtl how long a result waits, in milliseconds
   * @param read reads the reply; throws a StorageDownError where it has another shape
   * @param late gets a reply that comes after the timeout
   * @throws StorageDownError (rejects) where Redis cannot be reached, StorageFullError where it has no memory left
   */
  async run<T>(
    name: QueueScript,
    resultTtl: number,
    args: string[],
    read: Read<T>,
    late?: (reply: T) => void,
  ): Promise<T> {
    if (name !== 'declare') await this.before()
    const all = [this.#storage.present, this.process, String(resultTtl), ...args]
    const afterwards = late && ((reply: unknown) => readLate(reply, read, late))
    for (;;) {
      const form = this.#form
      const keys = form.routed ? this.keys.routed : this.keys.plain
      const named = name === 'declare' ? [...keys, this.keys.declared] : keys
      try {
        const script = queueScript(name, form)
        const reply = read(await this.#storage.execute(script, named, all, afterwards))
        this.#reached = Date.now()
        if (this.#failure !== undefined) {
          this.#failure = undefined
          this.trouble(undefined)
        }
        return reply
      } catch (error) {
        const text = String(((error as Error)?.cause as Error)?.message ?? '')
        if (text.includes('AIOFLUX_FORM')) {
          const [, routed, limit = 'none'] = /AIOFLUX_FORM (\d) (\S+)/.exec(text) ?? []
          this.#form = { routed: routed === '1' || form.routed, limit }
          continue
        }
        throw this.#explained(error, text)
      }
    }
  }

  #explained(error: unknown, text: string): unknown {
    const layout = /AIOFLUX_LAYOUT (\S+)/.exec(text)
    if (layout !== null) {
      return new AioFluxError(
        'LAYOUT',
        `queue '${this.name}' is kept in layout ${layout[1]}, and this version of aioflux knows layout 1 only: let all processes have the same version, or empty the queue first`,
      )
    }
    if (text.startsWith('OOM')) {
      return new StorageFullError(
        `queue '${this.name}' cannot keep more: Redis has reached its maxmemory`,
        { cause: error },
      )
    }
    if (this.#failure === undefined) {
      this.#failure = error
      this.trouble(error)
    }
    return error
  }
}

/** A reply of another shape is ignored, as if it were lost: its caller has been told of an outage already. */
function readLate<T>(reply: unknown, read: Read<T>, late: (reply: T) => void): void {
  let told: T
  try {
    told = read(reply)
  } catch {
    return
  }
  late(told)
}
