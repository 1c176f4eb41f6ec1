import { errorMessage, isError } from '../../core/error-text.ts'
import { describe, OptionRangeError, OptionTypeError } from '../../core/errors.ts'
import type { Codec } from '../../queues/queue-options.ts'
import {
  errorOf,
  errorRecord,
  type JobErrorRecord,
  type JobTerms,
} from '../../queues/store/job-record.ts'
import type { JobDraft, Outcome } from '../../queues/store/job-store.ts'
import { written } from '../redis-values.ts'
import { jsonOf, malformed } from '../scripts/reply.ts'

const OWN_ID = 'I'

/** The options of a job that travel with its item; each is absent where it is the default. */
interface Extras {
  terms?: JobTerms
  /** The key and the group as the caller gave them, where places have their hash. */
  group?: string
  key?: string
}

export interface Opened<T> extends Extras {
  item: T
  /** The caller's own id, where places have its hash. */
  id?: string
}

/** Stands before an envelope where places have a hash of the job's own id: it stays when the item is replaced. */
export function ownIdLine(id: string): string {
  return `${OWN_ID}${JSON.stringify(id)}\n`
}

/**
 * An item as it is kept: a letter for what follows, the extras in a line of their own where there are any, and the data.
 * Bytes are written as text, since clients hand out text.
 */
export function seal<T>(
  draft: Pick<JobDraft<T>, 'item'>,
  codec: Codec<T>,
  most: number,
  extras: Extras,
): string {
  const data = encoded(codec, draft.item)
  const text = typeof data === 'string'
  const size = text ? Buffer.byteLength(data) : data.byteLength
  if (size > most) {
    throw new OptionRangeError(
      'item',
      `item must be at most ${most} bytes long when it is encoded (maxItemBytes), got ${size}`,
    )
  }
  const body = text ? data : toBase64(data)
  for (const _ in extras) return `${text ? 'S' : 'B'}${JSON.stringify(extras)}\n${body}`
  return (text ? 's' : 'b') + body
}

/** @throws what the codec throws */
export function open<T>(envelope: string, codec: Codec<T>): Opened<T> {
  const letter = envelope[0]
  if (letter === OWN_ID) {
    const idEnd = envelope.indexOf('\n')
    return { ...open(envelope.slice(idEnd + 1), codec), id: JSON.parse(envelope.slice(1, idEnd)) }
  }
  const lineEnd = letter === 'S' || letter === 'B' ? envelope.indexOf('\n') : 0
  const body = envelope.slice(lineEnd + 1)
  const item = codec.decode(letter === 's' || letter === 'S' ? body : fromBase64(body))
  return lineEnd === 0 ? { item } : { ...JSON.parse(envelope.slice(1, lineEnd)), item }
}

function encoded<T>(codec: Codec<T>, item: T): string | Uint8Array {
  let data: string | Uint8Array
  try {
    data = codec.encode(item)
  } catch (error) {
    const message = `item cannot be encoded by the codec '${codec.name}': ${errorMessage(error)}`
    throw Object.assign(new OptionTypeError('item', message), { cause: error })
  }
  if (typeof data === 'string') {
    // A lone half of a pair would come back as another character.
    if ((data as unknown as { isWellFormed?(): boolean }).isWellFormed?.() === false) {
      throw new OptionTypeError(
        'codec',
        `codec '${codec.name}' must return well-formed text, got a lone surrogate`,
      )
    }
    return data
  }
  if (data instanceof Uint8Array) return data
  throw new OptionTypeError(
    'codec',
    `codec '${codec.name}' must return a string or a Uint8Array, got ${describe(data)}`,
  )
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}

/** A value that is no item: a result, or the value of `progress`. */
export function valueText(value: unknown): string {
  if (value === undefined) return ''
  if (value instanceof Uint8Array) return `b${toBase64(value)}`
  return `j${written(value)}`
}

/** @throws StorageDownError where it is none */
export function readValue(text: string): unknown {
  if (text === '') return undefined
  if (text[0] === 'b') return fromBase64(text.slice(1))
  if (text[0] === 'j') return jsonOf(text.slice(1))
  throw malformed(text)
}

/** Why a job is cancelled. An error is marked as one, and its name and its message travel. */
export function reasonText(reason: unknown): string {
  if (!isError(reason)) return valueText(reason)
  const { name, message } = errorRecord(reason)
  return `e${JSON.stringify({ name, message })}`
}

/** @throws StorageDownError where it is none */
export function readReason(text: string): unknown {
  if (text[0] !== 'e') return readValue(text)
  const told = jsonOf<JobErrorRecord>(text.slice(1))
  if (typeof told?.name !== 'string' || typeof told.message !== 'string') throw malformed(text)
  return errorOf(told)
}

/**
 * How a job ended, from what the scripts keep: where there may be other ends of that id its origin (see lua/rare.lua), then a letter,
 * and the value, error or reason.
 *
 * @throws StorageDownError where it is something else
 */
export function outcomeOf(text: string): Outcome {
  if (text[0] !== '@') return endOf(text)
  const [origin, born, run] = /^@([0-9a-f]*) ([0-9a-f.]*)\n/.exec(text) ?? []
  if (origin === undefined) throw malformed(text)
  return {
    ...endOf(text.slice(origin.length)),
    ...(born && { born: Number.parseInt(born, 16) }),
    ...(run && { run }),
  }
}

function endOf(text: string): Outcome {
  const rest = text.slice(1)
  if (text[0] === 'c') return { state: 'completed', value: readValue(rest) }
  if (text[0] === 'f') return { state: 'failed', error: jsonOf(rest) }
  if (text[0] === 'x') return { state: 'cancelled', reason: readReason(rest) }
  if (text[0] === 'g') return { state: 'gone' }
  throw malformed(text)
}
