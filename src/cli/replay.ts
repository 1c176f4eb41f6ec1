import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { paintFor, shown, type Terminal, widthOf } from '../terminal/terminal.ts'
import { Judge } from './judge.ts'
import { logLines } from './log-lines.ts'
import { HELP, type ReplayOptions, replayOptions } from './options.ts'
import { formatsOf } from './parse-line.ts'
import { Progress } from './progress.ts'
import { Tally } from './report.ts'
import { showReport } from './show-report.ts'

/** Why a log could not be judged. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError'
}

/** `aioflux replay`. */
export async function replay(args: readonly string[], terminal: Terminal): Promise<void> {
  const options = replayOptions(args)
  if (options === undefined) {
    terminal.stdout.write(HELP)
    return
  }
  const { source, json } = options
  const judge = new Judge(options)
  const tally = new Tally(options)
  const progress = new Progress(terminal.stderr, await sizeOf(source))
  try {
    for await (const lines of logLines(progress.count(open(source, terminal)))) {
      for (const verdict of judge.push(lines)) tally.add(verdict)
    }
    for (const verdict of judge.end()) tally.add(verdict)
  } catch (error) {
    throw unreadable(source, error)
  } finally {
    progress.end()
  }
  const report = tally.report(judge)
  if (report.requests === 0 && judge.malformed > 0) throw nothingParses(options, judge)
  const { stdout } = terminal
  if (json) stdout.write(`${JSON.stringify(report)}\n`)
  else stdout.write(showReport(report, nameOf(source), widthOf(stdout), paintFor(terminal)))
}

function open(source: string, { stdin }: Terminal): AsyncIterable<Uint8Array> {
  if (source === '-') return stdin as AsyncIterable<Uint8Array>
  return createReadStream(source, { highWaterMark: 256 * 1024 })
}

async function sizeOf(source: string): Promise<number | undefined> {
  if (source === '-') return undefined
  try {
    const found = await stat(source)
    // A named pipe has no size.
    return found.isFile() ? found.size : undefined
  } catch (error) {
    throw unreadable(source, error)
  }
}

function nameOf(source: string): string {
  return source === '-' ? 'standard input' : source
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  Z_BUF_ERROR: 'the gzip file ends too soon',
}

/** Only what the system or the unpacker says: a fault of our own must not look like one of the file. */
function unreadable(source: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === undefined || !/^(E[A-Z]+|Z_[A-Z_]+)$/.test(code)) return error
  const reason = REASONS[code] ?? message
  return new ReplayError(`cannot read ${shown(nameOf(source), 200)}: ${reason} (${code})`, {
    cause: error,
  })
}

function nothingParses({ source, format }: ReplayOptions, judge: Judge): ReplayError {
  const lines = judge.samples.map((line) => `  ${shown(line, 100)}`)
  const looks =
    lines.length === 0 ? 'Its lines are too long for a log.' : `It begins:\n${lines.join('\n')}`
  const fitting = formatsOf(judge.samples).filter((other) => other !== format)
  const advice =
    fitting.length > 0
      ? `Try --format ${fitting.join(' or ')}.`
      : 'It needs lines in the common or combined log format (try --format combined), or one JSON object\n' +
        'a line with a field time, timestamp, ts, @timestamp or date (try --format json).'
  return new ReplayError(
    `nothing in ${shown(nameOf(source), 200)} reads as ${format === 'auto' ? 'an access log' : format}: ` +
      `${judge.malformed} malformed lines.\n${looks}\n${advice}`,
  )
}
