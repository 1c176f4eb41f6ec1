/** What a request is answered with, whichever framework asked. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Instead of a body: begins to write events, and returns the way to stop. */
  readonly stream?: (sink: Sink) => () => void
}

/** Where events are written. */
export interface Sink {
  /** @returns false where what was written before has not been read yet */
  write(text: string): boolean
  /** True when more can be written without being kept in memory. */
  readonly ready: boolean
  end(): void
}

/** What of a request is looked at, whichever framework has it. */
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

/** The body of a request is larger than any of ours. */
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

/** On every answer: nothing of elsewhere, in no frame, kept by no cache. */
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

/** A "no", with what is wrong in words. */
export function refusal(status: number, error: string, headers?: Record<string, string>): Answer {
  return json(status, { error }, headers)
}

export function events(stream: (sink: Sink) => () => void): Answer {
  const headers = {
    ...GUARDED,
    'content-type': 'text/event-stream; charset=utf-8',
    // Proxies that gather answers would gather this one for ever.
    'x-accel-buffering': 'no',
  }
  return { status: 200, headers, stream }
}
