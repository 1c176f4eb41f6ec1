import { createHash } from 'node:crypto'
import { OptionTypeError, quoted } from '../../core/errors.ts'
import { short, tagOf } from '../key-name.ts'

/** The separators of the parts of places and tokens; see lua/head.lua. */
const GROUP_END = '\u0002'
const KEY = '\u0001'
const COST = '\u0006'
const OWN = '\u0005'
const UNIQUE = '\u0007'
const DELIVERY = '\u0004'
/** Digits of six bits in the order of their bytes. */
const DIGITS = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'
/** The microsecond of a job's turn, in hexadecimal. */
const TURN = 13
/** Longer names are replaced by their hash. */
const LONGEST = 128

/** The routing of a job, read from its place. */
export interface Place {
  readonly group: string
  readonly priority: number
  readonly id: string
  readonly key: string | undefined
  readonly cost: number
  /** The dedupe key. */
  readonly unique: string | undefined
  readonly turn: number
}

/** A name as it is written in places: itself, or its hash where it is long or has control characters. */
export function placeName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what separates the parts of a place.
  const plain = name.length <= LONGEST && !/[\u0000-\u001f]|^#/.test(name)
  if (plain && Buffer.byteLength(name) <= LONGEST) return name
  return `#${createHash('sha256').update(name).digest('base64url')}`
}

/**
 * The key of a limit as it is written in places: first the tag that its state has in a storage on a single server, then the key as the
 * limiter itself writes it.
 */
export function limitKey(key: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what separates the parts of a place.
  const name = /[\u0000-\u001f]/.test(key) ? placeName(key) : short(key)
  return `${tagOf(key).slice(1, -1)}:${name}`
}

const bits = new DataView(new ArrayBuffer(8))

/** A priority as text that sorts higher priorities first, byte by byte: one character for 0, else a sign and as many of the 64 bits as needed. */
export function priorityText(priority: number): string {
  if (priority === 0) return '5'
  if (Number.isNaN(priority)) {
    throw new OptionTypeError('priority', 'priority must be a number, got NaN')
  }
  bits.setFloat64(0, priority)
  const raw = bits.getBigUint64(0)
  // The sign has a character of its own; of the higher of two positive numbers, all bits turned, sort first.
  let rest = BigInt.asUintN(63, priority > 0 ? ~raw : raw) << 3n
  if (priority > 0) rest |= 7n
  let digits = ''
  for (let shift = 60n; shift >= 0n; shift -= 6n) digits += DIGITS[Number((rest >> shift) & 63n)]
  return priority > 0 ? `4${digits.replace(/z+$/, '')}~` : `6${digits.replace(/-+$/, '')}!`
}

function priorityOf(text: string): number {
  if (text === '5') return 0
  const positive = text[0] === '4'
  const digits = text.slice(1, -1).padEnd(11, positive ? 'z' : '-')
  let rest = 0n
  for (const digit of digits) rest = (rest << 6n) | BigInt(DIGITS.indexOf(digit))
  const low = BigInt.asUintN(63, rest >> 3n)
  bits.setBigUint64(0, positive ? BigInt.asUintN(63, ~low) : low | (1n << 63n))
  return bits.getFloat64(0)
}

/** The part of a place after the id. */
export function suffixOf(
  key: string | undefined,
  cost: number,
  unique: string | undefined,
  own: boolean,
): string {
  const keyed = key === undefined ? '' : KEY + key
  const once = unique === undefined ? '' : UNIQUE + unique
  return keyed + (cost === 1 ? '' : COST + cost) + once + (own ? OWN : '')
}

/** The part of a place before the turn of the job. */
export function prefixOf(group: string, priority: number): string {
  return group + GROUP_END + priorityText(priority)
}

export function readPlace(place: string): Place {
  const groupEnd = place.indexOf(GROUP_END)
  const mark = place[groupEnd + 1]
  const plain = mark === '5'
  const turnAt = plain ? groupEnd + 2 : place.indexOf(mark === '4' ? '~' : '!', groupEnd + 2) + 1
  const idAt = turnAt + TURN
  let end = place.length
  if (place.endsWith(OWN)) end -= 1
  let unique: string | undefined
  const uniqueAt = place.indexOf(UNIQUE, idAt)
  if (uniqueAt >= 0) {
    unique = place.slice(uniqueAt + 1, end)
    end = uniqueAt
  }
  let cost = 1
  let key: string | undefined
  const costAt = place.indexOf(COST, idAt)
  if (costAt >= 0) {
    cost = Number(place.slice(costAt + 1, end))
    end = costAt
  }
  const keyAt = place.indexOf(KEY, idAt)
  if (keyAt >= 0) {
    key = place.slice(keyAt + 1, end)
    end = keyAt
  }
  return {
    group: groupEnd === 0 ? '' : place.slice(0, groupEnd),
    priority: plain ? 0 : priorityOf(place.slice(groupEnd + 1, turnAt)),
    id: place.slice(idAt, end),
    key,
    cost,
    unique,
    turn: Number.parseInt(place.slice(turnAt, idAt), 16),
  }
}

/** A token: the place, the number of the delivery, and when it began, in milliseconds. */
export function readToken(token: string): { place: string; delivery: number; startedAt: number } {
  const a = token.indexOf(DELIVERY)
  const b = token.indexOf(DELIVERY, a + 1)
  return {
    place: token.slice(0, a),
    delivery: Number(token.slice(a + 1, b)),
    startedAt: Number.parseInt(token.slice(b + 1), 16),
  }
}

/** The place of the job `id`, from the head of its record. */
export function placeOf(id: string, head: string): string {
  const groupEnd = head.indexOf(GROUP_END)
  const mark = head[groupEnd + 1]
  const turnAt =
    mark === '5' ? groupEnd + 2 : head.indexOf(mark === '4' ? '~' : '!', groupEnd + 2) + 1
  return head.slice(0, turnAt + TURN) + id + head.slice(turnAt + TURN)
}

/** An id for a job that was given none: short, and no other process makes the same. */
export class Ids {
  readonly #start = createHash('sha256')
    .update(`${crypto.randomUUID()}`)
    .digest('base64url')
    .replace(/[-_]/g, '0')
    .slice(0, 10)
  #next = 0

  next(): string {
    this.#next += 1
    return this.#start + this.#next.toString(36)
  }
}

/** An id of the caller's own. */
export function checkId(id: string): void {
  if (typeof id !== 'string' || id === '') {
    throw new OptionTypeError('id', `id must be a string that is not empty, got ${quoted(`${id}`)}`)
  }
}
