import { SharedDeadline } from '../../core/deadline.ts'
import type { Millis } from '../../core/duration.ts'
import { ClosedError, isAioFluxError, StorageDownError } from '../../core/errors.ts'
import type { Connection, RedisPort } from '../client/client.ts'
import type { Script } from './script.ts'
import type { StorageMeter } from './storage-meter.ts'

/** Runs scripts on a server by their sha, and sends the whole text where the server does not know it; each within a deadline. */
export class ScriptRunner {
  readonly #connection: Connection
  readonly #deadline: SharedDeadline
  readonly #meter: StorageMeter | undefined
  /** Scripts whose whole text is being sent, by their sha. */
  readonly #sending = new Map<string, Promise<void>>()
  #closed = false

  constructor(connection: Connection, timeout: Millis, meter: StorageMeter | undefined) {
    this.#connection = connection
    this.#deadline = new SharedDeadline(timeout, (error) => this.#failed(error))
    this.#meter = meter
  }

  /**
   * @param server the server to ask. @default the server of the keys
   * @param late gets a reply that comes after the deadline
   * @throws StorageDownError (rejects); the error of Redis or of the client is its `cause`
   */
  run(
    script: Script,
    keys: string[],
    args: string[],
    server?: RedisPort,
    late?: (reply: unknown) => void,
  ): Promise<unknown> {
    if (this.#closed) return Promise.reject(new ClosedError('RedisStorage'))
    const meter = this.#meter
    const began = meter?.begin() ?? 0
    const answer = this.#deadline.within(this.#ask(script, keys, args, server), late)
    if (meter === undefined) return answer
    return answer.then((reply) => {
      meter.answered(began)
      return reply
    })
  }

  /** @throws ClosedError where nothing is sent any more */
  checkOpen(): void {
    if (this.#closed) throw new ClosedError('RedisStorage')
  }

  close(): void {
    this.#closed = true
  }

  async #ask(
    script: Script,
    keys: string[],
    args: string[],
    server: RedisPort | undefined,
  ): Promise<unknown> {
    const port = server ?? this.#connection.ready ?? (await this.#connection.port())
    for (;;) {
      try {
        return await port.evalsha(script.sha, keys, args)
      } catch (error) {
        if (!String((error as Error)?.message).startsWith('NOSCRIPT')) throw error
      }
      // A server that was restarted, flushed or newly elected does not know the script: it is sent in full. Only one of the calls under
      // way sends it, because a thousand of them would send ten megabytes.
      const sent = port.cluster ? undefined : this.#sending.get(script.sha)
      if (sent === undefined) return this.#sendWhole(port, script, keys, args)
      await sent
    }
  }

  #sendWhole(port: RedisPort, script: Script, keys: string[], args: string[]): Promise<unknown> {
    const answer = port.eval(script.text, keys, args)
    const over = () => {
      this.#sending.delete(script.sha)
    }
    this.#sending.set(script.sha, answer.then(over, over))
    return answer
  }

  /** A call has failed. Returns the error for its caller. */
  #failed(error: unknown): unknown {
    this.#meter?.failed()
    const cause = this.#connection.failure
    if (isAioFluxError(error, 'STORAGE_DOWN') && error.cause === undefined && cause !== undefined) {
      return new StorageDownError(`${error.message}: ${messageOf(cause)}`, { cause })
    }
    return isAioFluxError(error) ? error : outage(error)
  }
}

/** The error of the client or the server, as an outage. */
export function outage(error: unknown): StorageDownError {
  return new StorageDownError(`Redis failed: ${messageOf(error)}`, { cause: error })
}

/** An AggregateError of several addresses has an empty message: then its code is shown. */
function messageOf(error: unknown): string {
  const { message, code } = Object(error) as { message?: unknown; code?: unknown }
  return String(message || code || error)
}
