import { whenAnswered, whenEnded } from './node-end.ts'
import { whenRead } from './response.ts'

/** What some runtimes hand to a fetch handler beside the request, by which the end of the response can be seen. */
interface Connection {
  /** Hono's adapter for Node. Of an upgrade there is a request, and no response; other adapters may hand over the request alone. */
  readonly incoming?: Incoming | null
  readonly outgoing?: object | null
  /** Deno: settles when the response has been sent, or cannot be. */
  readonly completed?: PromiseLike<unknown>
}

interface Incoming {
  readonly headers?: Readonly<Record<string, unknown>>
}

/**
 * One request of a fetch handler, and what tells that it has ended: the socket or the response of the runtime where it hands
 * them over, else the signal of the request and the body of the response.
 */
export class Exchange {
  readonly #method: string
  readonly #told: boolean
  readonly #end: (status: number | undefined) => void
  #status: number | undefined

  /** @param leave called when the exchange has ended, with the status of an answer that was sent whole; may be called more than once */
  constructor(request: Request, connection: unknown, leave: (status: number | undefined) => void) {
    this.#method = request.method
    const { incoming, outgoing, completed } = (connection ?? {}) as Connection
    this.#end = leave
    if (isObject(outgoing)) {
      this.#told = true
      whenAnswered(incoming ?? undefined, outgoing, leave)
    } else if (isObject(incoming)) {
      // An upgraded connection goes on after the answer. Any other one may serve further requests.
      this.#told = incoming.headers?.['upgrade'] !== undefined
      whenEnded(incoming, undefined, () => leave(this.#status))
    } else if (typeof completed?.then === 'function') {
      this.#told = true
      completed.then(
        () => leave(this.#status),
        () => leave(undefined),
      )
    } else {
      this.#told = false
      this.#end = unlessAborted(request.signal, leave)
    }
  }

  /** No response will come. */
  fail(): void {
    this.#end(undefined)
  }

  /** An answer of which nothing more is seen is complete. */
  complete(status: number): void {
    this.#end(status)
  }

  /** The response, watched where nothing else tells of its end. */
  answer(response: Response): Response {
    const { status } = response
    this.#status = status
    if (this.#told) return response
    // The body of an answer to HEAD is not read.
    if (this.#method !== 'HEAD') {
      return whenRead(response, (whole) => this.#end(whole ? status : undefined))
    }
    this.#end(status)
    return response
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Calls `leave` when `signal` aborts, with no status. Returns what ends that and calls `leave`. */
function unlessAborted(
  signal: AbortSignal | undefined,
  leave: (status: number | undefined) => void,
): (status: number | undefined) => void {
  const abort = () => end(undefined)
  const end = (status: number | undefined) => {
    signal?.removeEventListener('abort', abort)
    leave(status)
  }
  if (signal?.aborted === true) leave(undefined)
  else signal?.addEventListener('abort', abort)
  return end
}
