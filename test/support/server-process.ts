import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { until } from './until.ts'

export interface ProcessOptions {
  /** Its working folder, where its output goes to server.log. */
  dir: string
  /** Whether the folder goes too when this process ends without having ended the server. */
  temporary: boolean
}

/** A server of the tests. It does not outlive this process, however this process ends. */
export interface ServerProcess {
  readonly pid: number
  readonly running: boolean
  /** The end of what it printed. */
  log(): string
  signal(name: NodeJS.Signals): void
  /** Sends the signal, SIGKILL if that has no effect for 3 s, and resolves when the process is gone. */
  end(name: NodeJS.Signals): Promise<void>
  /** It has ended, and its folder is the caller's business from now on. */
  forget(): void
}

export function startProcess(
  command: string,
  args: readonly string[],
  { dir, temporary }: ProcessOptions,
): ServerProcess {
  const file = join(dir, 'server.log')
  const out = openSync(file, 'a')
  const child = spawn(command, args, { cwd: dir, stdio: ['ignore', out, out] })
  closeSync(out)
  // Deno never hears of the end of a process that it does not wait for.
  if (process.versions['deno'] === undefined) child.unref()
  let failure: Error | undefined
  child.on('error', (error) => {
    failure = error
  })
  const tell = child.pid === undefined ? () => {} : leash(child.pid, temporary ? dir : '')
  let exited = false
  child.once('exit', () => {
    exited = true
    tell('gone\n')
  })
  const gone = () => failure !== undefined || exited
  // Not by child.kill: Deno takes a child as ended that it has sent any signal, and loses sight of it.
  const kill = (name: NodeJS.Signals) => {
    if (child.pid !== undefined && !gone()) process.kill(child.pid, name)
  }
  return {
    pid: child.pid ?? -1,
    get running() {
      return !gone()
    },
    log: () =>
      failure?.message ?? readFileSync(file, 'utf8').split('\n').slice(-8).join('\n').trim(),
    signal: kill,
    async end(name) {
      if (gone()) return
      kill('SIGCONT') // a stopped process hears nothing but SIGKILL
      kill(name)
      await until(`end of ${command}`, gone, { within: 3_000, every: 5 }).catch(() => {
        kill('SIGKILL')
        return until(`end of ${command} by SIGKILL`, gone, { within: 3_000, every: 5 })
      })
    },
    forget: () => tell('done\n'),
  }
}

/**
 * Ties a process to this one: a shell reads a pipe that only we hold open, and when the pipe closes without a word, by
 * exit, crash or kill -9, it kills the process and removes its temporary folder. Handlers of 'exit' and of signals
 * would not see a kill -9, and would meddle with the test runner's own.
 */
function leash(pid: number, folder: string): (word: string) => void {
  // "gone": no process to kill any more, its number may be another's soon. "done": no folder to remove either.
  const script = `trap "" INT TERM HUP
    if read -r word; then [ "$word" = gone ] && read -r word && exit; else kill -9 "$1"; fi
    [ -z "$2" ] || rm -rf "$2"`
  const keeper: ChildProcess = spawn(
    '/bin/sh',
    ['-c', script, 'aioflux-leash', String(pid), folder],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    },
  )
  keeper.unref()
  // Bun's is no socket, and holds nothing alive.
  const stdin = keeper.stdin as Writable & Partial<Pick<Socket, 'unref'>>
  stdin.unref?.()
  stdin.on('error', () => {})
  return (word) => void stdin.write(word)
}
