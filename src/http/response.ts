import type { Field } from './fields.ts'
import { PROBLEM_JSON, type Refusal } from './refusal.ts'
import { type HeaderAccess, writeFields } from './write-fields.ts'

export const fetchHeaders: HeaderAccess<Headers> = {
  read: (headers, name) => headers.get(name) ?? undefined,
  write: (headers, name, value) => headers.set(name, value),
}

/** The answer to a denied request. */
export function refusedResponse({ status, body }: Refusal): Response {
  return new Response(body, { status, headers: { 'content-type': PROBLEM_JSON } })
}

/** The response with more fields: the same one, or a copy where its headers may not be written to. */
export function withFields(response: Response, fields: readonly Field[]): Response {
  if (fields.length === 0) return response
  try {
    writeFields(fetchHeaders, response.headers, fields)
    return response
  } catch (error) {
    // Network errors and upgrades cannot be copied.
    if (!(error instanceof TypeError) || response.status < 200) return response
    const copy = new Response(response.body, response)
    writeFields(fetchHeaders, copy.headers, fields)
    return copy
  }
}

/**
 * Calls `ended` when the body has been read to its end, or will not be: it failed, was cancelled, was thrown away, or is none that can
 * be read.
 *
 * @param ended called with whether all of it was read; may be called more than once
 */
export function whenRead(response: Response, ended: (whole: boolean) => void): Response {
  const { status, body } = response
  const reader = status < 200 || body?.locked === true ? undefined : body?.getReader()
  if (reader === undefined) {
    ended(true)
    return response
  }
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    try {
      const { done, value } = await reader.read()
      if (!done) return controller.enqueue(value)
      ended(true)
      controller.close()
    } catch (error) {
      ended(false)
      controller.error(error)
    }
  }
  const cancel = async (reason: unknown) => {
    ended(false)
    await reader.cancel(reason)
  }
  // Nothing is read ahead: a body is produced as fast as the client reads it.
  const watched = new ReadableStream<Uint8Array>({ pull, cancel }, { highWaterMark: 0 })
  unread?.register(watched, ended)
  return new Response(watched, response)
}

/** A body that was not read and cannot be read any more, for instance one that an outer middleware has replaced, ends too. */
const unread =
  typeof FinalizationRegistry === 'function'
    ? new FinalizationRegistry<(whole: boolean) => void>((ended) => ended(false))
    : undefined
