/** What of a socket, a stream or a response is looked at; stand-ins of test tools and of serverless adapters have less. */
interface Ending {
  readonly destroyed?: boolean | undefined
  readonly closed?: boolean | undefined
  readonly writableFinished?: boolean | undefined
  once?(event: string, listener: () => void): unknown
}

interface WithSocket {
  readonly socket?: Ending | null | undefined
}

interface WithStream {
  /** Only in HTTP/2. */
  readonly stream?: unknown
}

/** What is called when something ends, by what ends. One listener serves all requests of a connection. */
const watched = new WeakMap<object, Set<() => void>>()

/**
 * Calls `ended` when the response has been sent, or its HTTP/2 stream or the socket has closed, whichever comes first; at once
 * where that has happened already.
 *
 * The response alone would not do: one that is queued behind others of its connection, as in pipelining, and one of an upgraded
 * connection never tell of their end. The response of an HTTP/2 stream that was cancelled before has told already.
 *
 * @param ended may be called more than once
 */
export function whenEnded(
  request: object | undefined,
  response: object | undefined,
  ended: () => void,
): void {
  const { stream } = (response ?? {}) as WithStream
  const ofHttp2 = isEnding(stream)
  // The socket of an HTTP/2 request is that of all streams of its connection.
  const { socket } = (ofHttp2 ? {} : (request ?? {})) as WithSocket
  const all = [response, ofHttp2 ? stream : undefined, socket].filter(isEnding)
  if (all.some(hasEnded)) return ended()
  const sets = all.map(callsOf)
  const end = () => {
    for (const set of sets) set.delete(end)
    ended()
  }
  for (const set of sets) set.add(end)
}

/** Calls `leave`, where there is one, with the status that was answered, as {@link whenEnded} does. */
export function whenAnswered(
  request: object | undefined,
  response: object,
  leave: ((status: number | undefined) => void) | undefined,
): void {
  if (leave === undefined) return
  const { writableEnded } = response as { writableEnded?: boolean }
  const judged = writableEnded === undefined
  whenEnded(request, response, () => {
    const { statusCode, writableEnded: ended } = response as Answered
    leave(judged || ended ? statusCode : undefined)
  })
}

interface Answered {
  readonly statusCode?: number
  readonly writableEnded?: boolean
}

function isEnding(value: unknown): value is Ending & object {
  return typeof (value as Ending | null | undefined)?.once === 'function'
}

function hasEnded({ destroyed, closed, writableFinished }: Ending): boolean {
  return destroyed === true || closed === true || writableFinished === true
}

function callsOf(ending: Ending & object): Set<() => void> {
  const known = watched.get(ending)
  if (known !== undefined) return known
  const calls = new Set<() => void>()
  watched.set(ending, calls)
  const call = () => {
    for (const one of calls) one()
  }
  ending.once?.('close', call)
  // Not every stand-in for a response closes after it has been sent. Sockets finish when this side has no more to say.
  if ('writableFinished' in ending && 'statusCode' in ending) ending.once?.('finish', call)
  return calls
}
