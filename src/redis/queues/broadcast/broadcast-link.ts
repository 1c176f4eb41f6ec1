import type { Millis } from '../../../core/duration.ts'
import { AioFluxError, StorageFullError } from '../../../core/errors.ts'
import type { Watch } from '../../../core/storage.ts'
import type { Heard } from '../../client/wake-hub.ts'
import { QUEUE_PARTS } from '../../scripts/lua.generated.ts'
import { script } from '../../scripts/script.ts'
import type { QueueHost } from '../queue-link.ts'
import type { Read } from '../replies.ts'

/** How often a subscriber looks for items, in case a message was lost. */
export const POLL: Millis = 1000
const SCRIPT = script(QUEUE_PARTS['broadcast'] as string)
const PARTS = ['stream', 'meta', 'cursors', 'alive']

/** Runs the script of a broadcast, on keys in one slot. */
export class BroadcastLink {
  readonly name: string
  readonly #host: QueueHost
  readonly #keys: string[]

  constructor(host: QueueHost, name: string) {
    this.name = name
    this.#host = host
    this.#keys = PARTS.map((part) => `${host.prefix}:{broadcast:${name}}:${part}`)
  }

  /** Calls `heard` when an item was put, or came back. */
  listen(heard: Heard): Watch {
    return this.#host.listen(this.#keys[1] as string, heard)
  }

  /**
   * @param read reads the reply; throws a StorageDownError where it has another shape
   * @throws StorageDownError (rejects) where Redis cannot be reached, StorageFullError where it has no memory left
   */
  async run<T>(args: readonly (string | number)[], read: Read<T>): Promise<T> {
    try {
      return read(await this.#host.execute(SCRIPT, this.#keys, args.map(String)))
    } catch (error) {
      const text = String(((error as Error)?.cause as Error)?.message ?? '')
      const layout = /AIOFLUX_LAYOUT (\S+)/.exec(text)
      if (layout !== null) {
        const message = `broadcast '${this.name}' is kept in layout ${layout[1]}, and this version of aioflux knows layout 1 only`
        throw new AioFluxError('LAYOUT', message)
      }
      if (text.includes('OOM ')) {
        const message = `broadcast '${this.name}' cannot keep more: Redis has reached its maxmemory`
        throw new StorageFullError(message, { cause: error })
      }
      throw error
    }
  }
}
