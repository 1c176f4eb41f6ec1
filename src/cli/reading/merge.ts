import type { LogRecord } from '../formats/record.ts'
import { WINDOW } from './reorder.ts'

/** A log that is opened when its turn comes. */
export interface Log {
  /** About when it begins; -Infinity when that is not known. */
  readonly begins: number
  open(): AsyncGenerator<LogRecord[]>
}

/** How many records leave together. */
const BATCH = 4096

/**
 * The records of several logs in the order of their times, as if one server had written them. Rotated logs follow one
 * another whatever their names, and logs of several servers are interleaved. A log is opened when the others have come
 * near its beginning, so a year of daily logs does not need a year of open files.
 */
export async function* merged(logs: readonly Log[]): AsyncGenerator<LogRecord[]> {
  const waiting = [...logs].sort((a, b) => a.begins - b.begins)
  if (waiting.length === 1) {
    yield* (waiting[0] as Log).open()
    return
  }
  let open: Cursor[] = []
  let batch: LogRecord[] = []
  for (;;) {
    const now = Math.min(...open.map(({ time }) => time))
    // The beginning of a log is known from its first line, which may be late by the window.
    if (waiting.length > 0 && (waiting[0] as Log).begins - WINDOW <= now) {
      const cursor = new Cursor((waiting.shift() as Log).open())
      if (await cursor.more()) open.push(cursor)
      continue
    }
    const next = first(open)
    if (next === undefined) break
    // As far as the others allow, without asking each for each record.
    const until = Math.min(
      ...open.map((cursor) => (cursor === next ? Infinity : cursor.time)),
      (waiting[0]?.begins ?? Infinity) - WINDOW,
    )
    do {
      batch.push(next.take())
    } while (!next.empty && next.time < until && batch.length < BATCH)
    if (batch.length >= BATCH) {
      yield batch
      batch = []
    }
    if (next.empty && !(await next.more())) open = open.filter((cursor) => cursor !== next)
  }
  if (batch.length > 0) yield batch
}

function first(open: readonly Cursor[]): Cursor | undefined {
  let least: Cursor | undefined
  for (const cursor of open) if (least === undefined || cursor.time < least.time) least = cursor
  return least
}

/** A place in an open log. */
class Cursor {
  readonly #batches: AsyncGenerator<LogRecord[]>
  #batch: LogRecord[] = []
  #at = 0

  constructor(batches: AsyncGenerator<LogRecord[]>) {
    this.#batches = batches
  }

  get empty(): boolean {
    return this.#at === this.#batch.length
  }

  get time(): number {
    return (this.#batch[this.#at] as LogRecord).time
  }

  take(): LogRecord {
    return this.#batch[this.#at++] as LogRecord
  }

  /** Fetches the next batch; false at the end of the log. */
  async more(): Promise<boolean> {
    const next = await this.#batches.next()
    this.#batch = next.done ? [] : next.value
    this.#at = 0
    return !next.done
  }
}
