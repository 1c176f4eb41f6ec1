import { type LineReader, type LogRecord, NO_KEY } from '../formats/record.ts'
import { TextCache } from '../text-cache.ts'
import type { ReadCounts } from './counts.ts'
import { type Lines, linesOf } from './lines.ts'
import { PROOF, Reorderer } from './reorder.ts'
import { type Unpacking, unpacked } from './unpack.ts'

/** The records of one file in the order of their times, in batches. */
export async function* recordsOf(
  bytes: AsyncIterable<Uint8Array>,
  read: LineReader,
  counts: ReadCounts,
): AsyncGenerator<LogRecord[]> {
  const state: Unpacking = { readable: false, junk: 0 }
  const order = new Reorderer<LogRecord>()
  const seen = { reordered: 0, late: 0, stray: 0 }
  const tell = () => {
    counts.reordered += order.reordered - seen.reordered
    counts.late += order.late - seen.late
    counts.why.time += order.stray - seen.stray
    Object.assign(seen, { reordered: order.reordered, late: order.late, stray: order.stray })
  }
  for await (const lines of linesOf(unpacked(bytes, state))) {
    const batch = readLines(lines, read, counts, order)
    state.readable ||= batch.length > 0
    tell()
    if (batch.length > 0) yield batch
  }
  if (state.junk > 0) counts.junkFiles += 1
  const rest: LogRecord[] = []
  order.end(rest)
  tell()
  if (rest.length > 0) yield rest
}

/** The time at which a log begins, by its first records; `undefined` when the beginning has none. */
export async function firstTime(
  bytes: AsyncIterable<Uint8Array>,
  read: LineReader,
): Promise<number | undefined> {
  const order = new Reorderer<LogRecord>()
  const first: LogRecord[] = []
  let seen = 0
  for await (const { lines } of linesOf(unpacked(bytes, { readable: true, junk: 0 }))) {
    for (const line of lines) {
      const record = read(line)
      if (typeof record === 'string') continue
      order.push(record, first)
      if (++seen === PROOF) break
    }
    // One piece of a file is enough to see what the file is.
    if (lines.length > 0) break
  }
  order.end(first)
  return first[0]?.time
}

function readLines(
  { lines, tooLong }: Lines,
  read: LineReader,
  counts: ReadCounts,
  order: Reorderer<LogRecord>,
): LogRecord[] {
  counts.why.tooLong += tooLong
  const ready: LogRecord[] = []
  for (const line of lines) {
    const record = read(line)
    if (typeof record === 'string') {
      if (record !== 'comment') counts.add(record, line)
      continue
    }
    if (record.key === NO_KEY) counts.missing.key += 1
    const costless = Number.isNaN(record.cost)
    if (costless) counts.missing.cost += 1
    const key = ownKey(record.key)
    order.push({ time: record.time, key, cost: costless ? 1 : record.cost }, ready)
  }
  return ready
}

/** Longer keys are cut, so that a bounded number of keys is a bounded amount of memory. */
const LONGEST_KEY = 256

/**
 * The key as a string of its own. A part of a string keeps all of it in memory, here the piece of the file
 * that the line was cut from.
 */
function ownKey(key: string): string {
  if (key.length > LONGEST_KEY) return cut(key)
  // Up to here the engine copies rather than refers (V8: SlicedString::kMinLength).
  if (key.length < 13) return key
  return ownKeys.get(key) ?? ownKeys.set(key, Buffer.from(key).toString())
}

const ownKeys = new TextCache()

/** The beginning of a long key, with a hash of all of it, so that different ones stay different. */
function cut(key: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  const tag = (hash >>> 0).toString(16).padStart(8, '0')
  return Buffer.from(`${key.slice(0, LONGEST_KEY - 10)}...${tag}`).toString()
}
