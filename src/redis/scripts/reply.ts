import { describe, StorageDownError } from '../../core/errors.ts'

/** The error for a reply that does not have the shape of the script's replies: an outage, as no reply would be. */
export function malformed(reply: unknown): StorageDownError {
  return new StorageDownError(`Redis answered something unexpected: ${describe(reply)}`)
}

/** The parts of a reply. @throws StorageDownError where it is no list */
export function listOf(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply
  throw malformed(reply)
}

/** A text of a reply, which some clients hand over as bytes. @throws StorageDownError where it is none */
export function textOf(reply: unknown): string {
  if (typeof reply === 'string') return reply
  if (typeof reply === 'number' || typeof reply === 'bigint' || ArrayBuffer.isView(reply)) {
    return String(reply)
  }
  throw malformed(reply)
}

/** A number of a reply, which some clients hand over as text. @throws StorageDownError where it is none */
export function numberOf(reply: unknown): number {
  if (typeof reply === 'number' && !Number.isNaN(reply)) return reply
  const text = textOf(reply)
  const number = text === '' ? Number.NaN : Number(text)
  if (Number.isNaN(number)) throw malformed(reply)
  return number
}

/** A value that is kept as JSON. @throws StorageDownError where it is something else */
export function jsonOf<T>(text: string): T {
  try {
    return JSON.parse(text) as T
  } catch (cause) {
    throw new StorageDownError(`Redis answered ${describe(text)}, which is no JSON`, { cause })
  }
}
