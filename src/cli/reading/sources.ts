import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { shown, type Terminal } from '../../terminal/terminal.ts'
import type { LineReader, LogRecord } from '../formats/record.ts'
import { ReplayError } from '../replay-error.ts'
import type { ReadCounts } from './counts.ts'
import { glob, isPattern } from './glob.ts'
import { type Log, merged } from './merge.ts'
import type { Progress } from './progress.ts'
import { firstTime, recordsOf } from './records.ts'

/** The logs that were named on the command line. */
export interface Sources {
  /** Paths; `-` is the standard input. */
  readonly paths: readonly string[]
  /** In bytes, where it is known. */
  readonly size: number | undefined
}

/**
 * Finds the logs, without opening them.
 *
 * @throws ReplayError naming a file that is not there
 */
export async function findSources(names: readonly string[]): Promise<Sources> {
  const paths: string[] = []
  let size: number | undefined = 0
  for (const name of names) {
    const found = await filesOf(name)
    for (const { path, bytes } of found) {
      if (paths.includes(path)) continue
      paths.push(path)
      size = size === undefined || bytes === undefined ? undefined : size + bytes
    }
  }
  return { paths, size }
}

/** As people read it. */
export function nameOf(paths: readonly string[]): string {
  const [first = ''] = paths
  const name = first === '-' ? 'standard input' : first
  return paths.length === 1 ? name : `${name} and ${paths.length - 1} more`
}

/** The records of all logs, in the order of their times. */
export function readSources(
  { paths }: Sources,
  reader: () => LineReader,
  counts: ReadCounts,
  progress: Progress,
  terminal: Terminal,
): AsyncGenerator<LogRecord[]> {
  const open = (path: string) =>
    told(path, recordsOf(progress.count(bytesOf(path, terminal)), reader(), counts))
  if (paths.length === 1) return open(paths[0] as string)
  return all(paths, reader, open, terminal)
}

async function* all(
  paths: readonly string[],
  reader: () => LineReader,
  open: (path: string) => AsyncGenerator<LogRecord[]>,
  terminal: Terminal,
): AsyncGenerator<LogRecord[]> {
  const logs: Log[] = []
  for (const path of paths) {
    logs.push({ begins: await beginning(path, reader, terminal), open: () => open(path) })
  }
  yield* merged(logs)
}

async function beginning(path: string, reader: () => LineReader, terminal: Terminal) {
  // What a pipe has given cannot be read again.
  if (!(await isFile(path))) return -Infinity
  try {
    return (await firstTime(bytesOf(path, terminal), reader())) ?? -Infinity
  } catch (error) {
    throw unreadable(path, error)
  }
}

async function isFile(path: string): Promise<boolean> {
  return path !== '-' && (await stat(path)).isFile()
}

function bytesOf(path: string, { stdin }: Terminal): AsyncIterable<Uint8Array> {
  if (path === '-') return stdin as AsyncIterable<Uint8Array>
  return createReadStream(path, { highWaterMark: 256 * 1024 })
}

async function filesOf(name: string): Promise<{ path: string; bytes: number | undefined }[]> {
  if (name === '-') return [{ path: name, bytes: undefined }]
  try {
    const found = await stat(name)
    // A named pipe has no size.
    return [{ path: name, bytes: found.isFile() ? found.size : undefined }]
  } catch (error) {
    const matches = isPattern(name) ? await glob(name) : []
    if (matches.length === 0) throw unreadable(name, error)
    return Promise.all(matches.map(async (path) => ({ path, bytes: (await stat(path)).size })))
  }
}

async function* told(
  path: string,
  records: AsyncGenerator<LogRecord[]>,
): AsyncGenerator<LogRecord[]> {
  try {
    yield* records
  } catch (error) {
    throw unreadable(path, error)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  Z_BUF_ERROR: 'the packed file ends too soon',
}

/** Only what the system or the unpacker says: a fault of our own must not look like one of the file. */
function unreadable(path: string, error: unknown): unknown {
  const name = shown(nameOf([path]), 200)
  const { code, message } = error as NodeJS.ErrnoException
  if (error instanceof ReplayError) {
    return new ReplayError(`cannot read ${name}: ${message}`, { cause: error })
  }
  if (code === undefined || !/^(E[A-Z]+|Z_[A-Z_]+|ZSTD_\w+)$/.test(code)) return error
  const reason = REASONS[code] ?? message
  return new ReplayError(`cannot read ${name}: ${reason} (${code})`, { cause: error })
}
