import { writeFile } from 'node:fs/promises'
import { shown, type Terminal } from '../terminal/terminal.ts'
import type { LogOptions } from './arguments.ts'
import { formatsOf, readerOf } from './formats/formats.ts'
import type { LogRecord } from './formats/record.ts'
import { ReadCounts } from './reading/counts.ts'
import { Progress } from './reading/progress.ts'
import { findSources, nameOf, readSources } from './reading/sources.ts'
import { ReplayError } from './replay-error.ts'

/** The log that was read. */
export interface ReadLog {
  readonly counts: ReadCounts
  /** The log as a report names it. */
  readonly name: string
}

/**
 * Reads the logs of a command, with progress on a terminal.
 *
 * @param take gets the records in the order of their times, in batches
 * @throws ReplayError when a log cannot be read, or no line of it can
 */
export async function readLog(
  options: LogOptions,
  terminal: Terminal,
  take: (records: readonly LogRecord[], progress: Progress) => void,
): Promise<ReadLog> {
  const sources = await findSources(options.paths)
  const counts = new ReadCounts()
  const progress = new Progress(terminal.stderr, sources.size)
  const reader = () => readerOf(options.format, options.wanted)
  let requests = 0
  try {
    for await (const records of readSources(sources, reader, counts, progress, terminal)) {
      requests += records.length
      take(records, progress)
    }
  } finally {
    progress.end()
  }
  const name = nameOf(sources.paths)
  if (requests === 0 && counts.malformed > 0) throw nothingParses(options, name, counts)
  return { counts, name }
}

/** Writes the page of `--html`. */
export async function writePage(path: string, page: string): Promise<void> {
  try {
    await writeFile(path, page)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ReplayError(`cannot write ${shown(path, 200)}: ${message} (${code})`, {
      cause: error,
    })
  }
}

function nothingParses(
  { format, wanted }: LogOptions,
  name: string,
  counts: ReadCounts,
): ReplayError {
  const lines = counts.samples.map((line) => `  ${shown(line, 100)}`)
  const looks =
    lines.length === 0 ? 'Its lines are too long for a log.' : `It begins:\n${lines.join('\n')}`
  const reads = format === 'auto' ? 'an access log' : format
  return new ReplayError(
    `nothing in ${shown(name, 200)} reads as ${reads}: ` +
      `${counts.malformed} malformed lines.\n${looks}\n${adviceFor(format, wanted, counts)}`,
  )
}

function adviceFor(
  format: LogOptions['format'],
  { time, key }: LogOptions['wanted'],
  { why, samples }: ReadCounts,
): string {
  const fitting = formatsOf(samples).filter((other) => other !== format)
  if (why.client > 0 && key === 'ip') {
    return 'The lines name no client. --key names a field that tells clients apart.'
  }
  if (why.time > 0 && time !== undefined) {
    return `The field '${shown(time, 60)}' of --time holds no time.`
  }
  if (fitting.length > 0 && format !== 'auto') return `Try --format ${fitting.join(' or ')}.`
  if (why.time > 0) return 'No time was found in the lines. --time names the field that holds it.'
  return (
    'It needs lines in the common or combined log format (try --format combined), one JSON object a line with a\n' +
    'field for the time (try --format json), or another format of: aioflux replay --help.'
  )
}
