import { whenEnded } from './node-end.ts'
import { whenRead } from './response.ts'

/** What some runtimes hand to a fetch handler beside the request, by which the end of the response can be seen. */
interface Connection {
  /** Hono's adapter for Node. Of an upgrade there is a request, and no response. */
  readonly incoming?: object
  readonly outgoing?: object
  /** Deno: settles when the response has been sent, or cannot be. */
  readonly completed?: PromiseLike<unknown>
}

/**
 * One request of a fetch handler, and what tells that it has ended: the socket or the response of the runtime where it hands
 * them over, else the signal of the request and the body of the response.
 */
export class Exchange {
  readonly #method: string
  readonly #told: boolean
  readonly #end: () => void

  /** @param ended called when the exchange has ended; may be called more than once */
  constructor(request: Request, connection: unknown, ended: () => void) {
    this.#method = request.method
    const { incoming, outgoing, completed } = (connection ?? {}) as Connection
    const ofNode = typeof (outgoing ?? incoming) === 'object'
    this.#told = ofNode || typeof completed?.then === 'function'
    this.#end = ended
    if (ofNode) whenEnded(incoming, outgoing, ended)
    else if (this.#told) completed?.then(ended, ended)
    else this.#end = untilAborted(request.signal, ended)
  }

  /** No response will come. */
  fail(): void {
    this.#end()
  }

  /** The response, watched where nothing else tells of its end. */
  answer(response: Response): Response {
    if (this.#told) return response
    // Nobody reads the body of an answer to HEAD.
    if (this.#method !== 'HEAD') return whenRead(response, this.#end)
    this.#end()
    return response
  }
}

/** Calls `ended` when `signal` aborts. Returns what ends that and calls `ended`. */
function untilAborted(signal: AbortSignal | undefined, ended: () => void): () => void {
  const end = () => {
    signal?.removeEventListener('abort', end)
    ended()
  }
  if (signal?.aborted === true) ended()
  else signal?.addEventListener('abort', end)
  return end
}
