import type { Fault } from '../formats/record.ts'

/** Why lines were malformed. */
export interface MalformedWhy {
  /** The line is of no known format, or not of the format that was asked for. */
  shape: number
  /** The line has no time, or one that cannot be. */
  time: number
  /** The key is `ip`, and the line names no client. */
  client: number
  /** The line is longer than 64 KiB. */
  tooLong: number
}

/** How many malformed lines are kept to show when none could be read. */
const SAMPLES = 3

/** What was odd about the lines of a log. */
export class ReadCounts {
  readonly why: MalformedWhy = { shape: 0, time: 0, client: 0, tooLong: 0 }
  /** Records that stood out of order and were put in their place. */
  reordered = 0
  /** Records too far out of order for that. */
  late = 0
  /** Records without the field of `--key`, and without the one of `--cost`. */
  readonly missing: { key: number; cost: number } = { key: 0, cost: 0 }
  /** Archives that something follows that is no part of them. */
  junkFiles = 0
  /** The first malformed lines. */
  readonly samples: string[] = []

  get malformed(): number {
    const { shape, time, client, tooLong } = this.why
    return shape + time + client + tooLong
  }

  add(fault: Exclude<Fault, 'comment'>, line: string): void {
    this.why[fault] += 1
    if (this.samples.length < SAMPLES) this.samples.push(line.slice(0, 200))
  }
}
