import type { Millis } from '../core/duration.ts'
import type { LocalLimiter } from '../limiters/limiter.ts'
import { type Algorithm, type Limit, limiterOf } from './limit.ts'
import type { Lines } from './log-lines.ts'
import { type Format, type ParseLine, parsers } from './parse-line.ts'
import type { LogRecord } from './record.ts'
import { Reorderer } from './reorder.ts'

/** What the limits said to one record. */
export interface Verdict {
  readonly key: string
  /** The time it was judged at: its own, or for a late one the time the log had reached. */
  readonly time: Millis
  readonly allowed: boolean
  /** Which limit denied it first, by its place in the list; -1 for none. */
  readonly deniedBy: number
}

export interface JudgeOptions {
  readonly algorithm: Algorithm
  readonly limits: readonly Limit[]
  readonly key: string
  readonly format: Format
}

/** Longer keys are cut, so that a bounded number of keys is a bounded amount of memory. */
const LONGEST_KEY = 256
/** How many lines are kept to show when none could be read. */
const SAMPLES = 3

/** Reads lines, puts them in order and asks the limits, on the log's own clock. */
export class Judge {
  malformed = 0
  /** The first malformed lines. */
  readonly samples: string[] = []
  readonly #options: JudgeOptions
  readonly #parse: ParseLine
  readonly #order = new Reorderer<LogRecord>()
  /** The time the log has reached. It never goes back. */
  #now: Millis = 0
  #limiter: LocalLimiter | undefined

  constructor(options: JudgeOptions) {
    this.#options = options
    this.#parse = parsers[options.format]
  }

  get reordered(): number {
    return this.#order.reordered
  }

  get late(): number {
    return this.#order.late
  }

  /** Takes lines in; returns the verdicts on those records whose turn has come. */
  push({ lines, tooLong }: Lines): Verdict[] {
    this.malformed += tooLong
    const ready: LogRecord[] = []
    for (const line of lines) {
      const record = this.#parse(line, this.#options.key)
      if (record === undefined) this.#malformed(line)
      else this.#order.push({ time: record.time, key: ownKey(record.key) }, ready)
    }
    return ready.map((record) => this.#judge(record))
  }

  /** The log is over: the verdicts on all that is left. */
  end(): Verdict[] {
    const ready: LogRecord[] = []
    this.#order.end(ready)
    return ready.map((record) => this.#judge(record))
  }

  /** How many keys were forgotten for want of room; verdicts on them may be too kind. */
  async evicted(): Promise<number> {
    return (await this.#limiter?.getStats())?.evicted ?? 0
  }

  #judge({ key, time }: LogRecord): Verdict {
    if (time > this.#now) this.#now = time
    this.#limiter ??= this.#start()
    let deniedBy = -1
    if (this.#options.limits.length === 1) {
      if (!this.#limiter.allow(key)) deniedBy = 0
    } else {
      const decision = this.#limiter.decide(key)
      if (!decision.allowed) deniedBy = Number(decision.deniedBy)
    }
    return { key, time: this.#now, allowed: deniedBy < 0, deniedBy }
  }

  #start(): LocalLimiter {
    const { algorithm, limits } = this.#options
    // From the first record on: microseconds since 1970 would leave fewer bits for the fractions.
    const beginning = this.#now
    return limiterOf(algorithm, limits, { now: () => this.#now - beginning })
  }

  #malformed(line: string): void {
    this.malformed += 1
    if (this.samples.length < SAMPLES) this.samples.push(line.slice(0, 200))
  }
}

/** The verdict on every record of a log, in the order they were judged. */
export async function* verdicts(
  lines: AsyncIterable<Lines>,
  options: JudgeOptions,
): AsyncGenerator<Verdict> {
  const judge = new Judge(options)
  for await (const piece of lines) yield* judge.push(piece)
  yield* judge.end()
}

/**
 * The key as a string of its own. A part of a string keeps all of it in memory, here the piece of the file
 * that the line was cut from.
 */
function ownKey(key: string): string {
  if (key.length > LONGEST_KEY) return cut(key)
  // Up to here the engine copies rather than refers (V8: SlicedString::kMinLength).
  if (key.length < 13) return key
  return Buffer.from(key).toString()
}

/** The beginning of a long key, with a hash of all of it, so that different ones stay different. */
function cut(key: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  const tag = (hash >>> 0).toString(16).padStart(8, '0')
  return Buffer.from(`${key.slice(0, LONGEST_KEY - 10)}...${tag}`).toString()
}
