import type { ServerLimits } from './server-limits.ts'

/** RFC 9110, section 9.2.2: what may be done twice. */
const IDEMPOTENT = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']

/** True when this call can be sent again as it is. A body that is a stream is gone once it was sent. */
export function isReplayable(
  input: string | URL | Request,
  init: RequestInit | undefined,
): boolean {
  const body: unknown = init?.body ?? (input instanceof Request ? input.body : undefined)
  if (body === undefined || body === null || typeof body === 'string') return true
  return (
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof Blob ||
    body instanceof FormData ||
    body instanceof URLSearchParams
  )
}

/** True when a call that was refused with this status may be sent again. After a 503, half of it may have been done. */
export function mayRepeat(
  refusal: ServerLimits['refusal'],
  input: string | URL | Request,
  init: RequestInit | undefined,
): boolean {
  if (refusal !== 'unavailable') return refusal === 'limited'
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET')
  return IDEMPOTENT.includes(method.toUpperCase())
}
