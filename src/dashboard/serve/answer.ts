/** The answer to a request, for any framework. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** In place of a body: begins to write events. @returns a function that ends this */
  readonly stream?: (sink: Sink) => () => void
}

/** The destination of events. */
export interface Sink {
  /** @returns false when earlier text was not read yet */
  write(text: string): boolean
  /** True when more can be written without being kept in memory. */
  readonly ready: boolean
  end(): void
}

/** The part of a request that is used, for any framework. */
export interface PageRequest {
  readonly method: string
  /** The path below the base path, not decoded, without a query. */
  readonly path: string
  readonly query: URLSearchParams
  header(name: string): string | undefined
  /** The body as text. @throws TooLargeError */
  body(most: number): Promise<string>
  /** The request as `access` gets it. */
  readonly source: object
}

/** The body of a request is larger than allowed. */
export class TooLargeError extends Error {}

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Headers of every answer: nothing from other hosts, no frames, no caches. */
const GUARDED: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

export function answer(
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, headers: { ...GUARDED, 'content-type': type, ...headers }, body }
}

export function json(status: number, value: unknown, headers?: Record<string, string>): Answer {
  return answer(status, 'application/json; charset=utf-8', JSON.stringify(value), headers)
}

/** An answer with an error message. */
export function refusal(status: number, error: string, headers?: Record<string, string>): Answer {
  return json(status, { error }, headers)
}

export function events(stream: (sink: Sink) => () => void): Answer {
  const headers = {
    ...GUARDED,
    'content-type': 'text/event-stream; charset=utf-8',
    // A proxy that buffers answers would buffer this one for ever.
    'x-accel-buffering': 'no',
  }
  return { status: 200, headers, stream }
}
