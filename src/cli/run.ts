import { readFile } from 'node:fs/promises'
import { isAioFluxError } from '../core/errors.ts'
import type { Terminal } from '../terminal/terminal.ts'

const USAGE = `usage: aioflux replay <access.log | -> --limit 100/1m    apply limits to a log, and show what they deny
       aioflux advise <access.log | ->                   find the smallest limit that fits a log
       aioflux dashboard --redis redis://...             a page with the queues, leaders and locks in a Redis
       aioflux doctor [--redis redis://...]              check a set-up, and say what to change
       aioflux demo                                      see the limiters at work

The options of a command: aioflux replay --help, aioflux doctor --help, and so on.
`

/** Runs the command that `args` name; returns its exit code. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const [command, ...rest] = args
  try {
    switch (command) {
      case 'replay':
        await (await import('./replay.ts')).replay(rest, terminal)
        return 0
      case 'advise':
        await (await import('./advise.ts')).advise(rest, terminal)
        return 0
      case 'dashboard':
        await (await import('./dashboard.ts')).dashboard(rest, terminal)
        return 0
      case 'doctor':
        return await (await import('./doctor.ts')).doctor(rest, terminal)
      case 'demo':
        await (await import('./demo/demo.ts')).demo(rest, terminal)
        return 0
      case '--help':
      case '-h':
      case 'help':
        terminal.stdout.write(USAGE)
        return 0
      case '--version':
        terminal.stdout.write(`${await version()}\n`)
        return 0
      case undefined:
        terminal.stderr.write(USAGE)
        return 2
      default:
        terminal.stderr.write(`aioflux: there is no command '${command}'\n${USAGE}`)
        return 2
    }
  } catch (error) {
    return failed(error, command, terminal)
  }
}

async function failed(
  error: unknown,
  command: string | undefined,
  terminal: Terminal,
): Promise<number> {
  if (isAioFluxError(error, 'INVALID_OPTION')) {
    terminal.stderr.write(`aioflux: ${error.message}\n${await usageOf(command)}\n`)
    return 2
  }
  // The message of a system error (a port in use) is enough without a stack.
  const expected =
    error instanceof Error &&
    (error.name === 'ReplayError' || isAioFluxError(error, 'STORAGE_DOWN') || 'syscall' in error)
  const text = expected ? error.message : ((error as Error)?.stack ?? String(error))
  terminal.stderr.write(`aioflux: ${text}\n`)
  return 1
}

async function usageOf(command: string | undefined): Promise<string> {
  if (command === 'replay') return (await import('./replay-options.ts')).USAGE
  if (command === 'dashboard') return (await import('./dashboard.ts')).USAGE.trimEnd()
  if (command === 'doctor') return (await import('./doctor.ts')).USAGE.trimEnd()
  if (command === 'advise') return (await import('./advise-options.ts')).USAGE
  return USAGE.trimEnd()
}

async function version(): Promise<string> {
  // The same path from src/cli and from dist/cli.
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
