import { type Answer, type PageRequest, TooLargeError } from './answer.ts'

/** The part of a request of node:http, Express and Connect that is used. */
export interface DashboardRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Record<string, string | string[] | undefined>
  // biome-ignore lint/suspicious/noExplicitAny: each event has arguments of its own.
  on(event: string, listener: (...args: any[]) => void): unknown
}

/** The part of a response of node:http that is used. */
export interface DashboardResponse {
  statusCode: number
  readonly destroyed: boolean
  readonly writableNeedDrain?: boolean
  setHeader(name: string, value: string): unknown
  flushHeaders?(): void
  write(text: string): boolean
  end(body?: string): unknown
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  on(event: string, listener: (...args: any[]) => void): unknown
}

/** The fields that frameworks add: the path before they removed the prefix, and a body that was parsed already. */
interface Mounted extends DashboardRequest {
  readonly originalUrl?: string
  readonly body?: unknown
  readonly readableEnded?: boolean
}

/** The path of the request, and the path after the framework has removed its prefix. */
export function pathsOf(request: DashboardRequest): { whole: string; mounted: string } {
  const mounted = request.url ?? '/'
  return { whole: (request as Mounted).originalUrl ?? mounted, mounted }
}

export function askedOf(request: DashboardRequest, path: string, query: string): PageRequest {
  return {
    method: request.method ?? 'GET',
    path,
    query: new URLSearchParams(query),
    header(name) {
      const value = request.headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    body: (most) => bodyOf(request, most),
    source: request,
  }
}

/** Sends an answer. */
export function send(answer: Answer, request: DashboardRequest, response: DashboardResponse): void {
  if (response.destroyed) return
  response.statusCode = answer.status
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value)
  if (answer.stream === undefined) {
    response.end(request.method === 'HEAD' ? undefined : answer.body)
    return
  }
  response.flushHeaders?.()
  const stop = answer.stream({
    write: (text) => !response.destroyed && response.write(text),
    get ready() {
      return response.writableNeedDrain !== true
    },
    end: () => void response.end(),
  })
  response.on('close', stop)
}

function bodyOf(request: DashboardRequest, most: number): Promise<string> {
  const { body, readableEnded } = request as Mounted
  // A parser of the framework has read the body already.
  if (typeof body === 'string') return Promise.resolve(body)
  if (body !== undefined && (readableEnded !== false || typeof body === 'object')) {
    return Promise.resolve(JSON.stringify(body))
  }
  return new Promise((resolve, reject) => {
    const decoder = new TextDecoder()
    let text = ''
    let size = 0
    request.on('data', (chunk: Uint8Array) => {
      size += chunk.length
      // The rest of the body is read to its end, and not kept.
      if (size > most) reject(new TooLargeError())
      else text += decoder.decode(chunk, { stream: true })
    })
    request.on('end', () => resolve(text + decoder.decode()))
    request.on('error', reject)
    request.on('aborted', () => reject(new Error('the request was aborted')))
  })
}
