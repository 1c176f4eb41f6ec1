import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { readerOf } from '../../src/cli/formats/formats.ts'
import { Judge, type JudgeOptions, type Verdict } from '../../src/cli/judging/judge.ts'
import { ReadCounts } from '../../src/cli/reading/counts.ts'
import { recordsOf } from '../../src/cli/reading/records.ts'
import { run } from '../../src/cli/run.ts'
import { bundled } from '../support/bundled.ts'

export interface Result {
  code: number | null
  stdout: string
  stderr: string
}

export interface Setting {
  stdin?: string | Uint8Array
  tty?: boolean
  columns?: number
  env?: Record<string, string>
}

/** The command within this process. */
export async function command(args: string[], setting: Setting = {}): Promise<Result> {
  const { stdin = '', tty = false, columns = 100, env = {} } = setting
  const output = () => {
    const parts: string[] = []
    return { parts, isTTY: tty, columns, write: (text: string) => parts.push(text) }
  }
  const stdout = output()
  const stderr = output()
  async function* pieces() {
    yield Buffer.from(stdin)
  }
  const code = await run(args, { stdin: pieces(), stdout, stderr, env })
  return { code, stdout: stdout.parts.join(''), stderr: stderr.parts.join('') }
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** @param into the path of what it writes to, instead of a pipe */
export async function launch(args: string[], into?: string) {
  const command = [process.execPath, await bundled('src/cli/main.ts'), ...args] as const
  if (into === undefined) return spawn(command[0], command.slice(1), { cwd: ROOT })
  return spawn('sh', ['-c', `exec "$@" > ${into}`, 'sh', ...command], { cwd: ROOT })
}

/** The real command, in a process of its own. */
export async function child(args: string[], stdin: string | Uint8Array = ''): Promise<Result> {
  const process = await launch(args)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  process.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  process.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  // A command that found its arguments wrong does not wait to be written to.
  process.stdin.on('error', () => {})
  process.stdin.end(stdin)
  const [code] = (await once(process, 'close')) as [number | null]
  return {
    code,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
  }
}

/** The verdicts on a log by `ip`, one by one. */
export async function* verdicts(
  bytes: AsyncIterable<Uint8Array>,
  judge: Judge,
): AsyncGenerator<Verdict> {
  const reader = readerOf('auto', { key: 'ip' })
  for await (const records of recordsOf(bytes, reader, new ReadCounts())) {
    yield* judge.judge(records)
  }
}

/** The verdicts on lines, and the judge. */
export async function judgedLines(lines: readonly string[], options: JudgeOptions) {
  const judge = new Judge(options)
  async function* bytes() {
    yield Buffer.from(log(...lines))
  }
  const all: Verdict[] = []
  for await (const verdict of verdicts(bytes(), judge)) all.push(verdict)
  return { judge, all }
}

/** A line of the common log format; `second` counts from 10:00 on 17 May 2015, UTC. */
export function clf(second: number, ip = '1.2.3.4', path = '/'): string {
  const time = new Date(Date.UTC(2015, 4, 17, 10) + second * 1000).toISOString()
  return `${ip} - - [${time.slice(8, 10)}/May/2015:${time.slice(11, 19)} +0000] "GET ${path} HTTP/1.1" 200 12`
}

export function log(...lines: string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}
