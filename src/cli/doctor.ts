import { OptionTypeError } from '../core/errors.ts'
import { checkUrl } from '../redis/client/client.ts'
import {
  type Paint,
  paintFor,
  type Style,
  type Terminal,
  widthOf,
  wrapped,
} from '../terminal/terminal.ts'
import { parsed, portOf } from './arguments.ts'
import { askServer } from './doctor/ask-server.ts'
import { type Check, fault, type Level } from './doctor/check.ts'
import { checkClient, checkNode, installedVersion } from './doctor/machine.ts'
import { checkProxies, receiveRequest } from './doctor/proxies.ts'
import { checkServer } from './doctor/server.ts'

export const USAGE = `usage: aioflux doctor [--redis redis://...] [--proxies port] [--json]

Checks this machine, and a Redis when you name one, and says what to change: Node, the client library, the version of the server, its role,
scripts, the eviction policy, persistence, and the difference of the clocks. It changes nothing.

  --redis    the url of the Redis that your program uses
  --proxies  listen on this port for one request through your proxies, and say how clientIp finds the client
  --json     print one JSON object instead of text

Exit code 0 when there is no fault (warnings may be there), 1 when there is a fault or Redis does not answer, 2 on wrong usage.
`

/** Printed with `--json`. */
interface Diagnosis {
  readonly schema: 'aioflux/doctor@1'
  /** Whether there is no fault. */
  readonly healthy: boolean
  readonly checks: readonly Check[]
}

/** `aioflux doctor`; returns the exit code. */
export async function doctor(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parsed(args, {
    redis: { type: 'string' },
    proxies: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  })
  const { stdout } = terminal
  if (values['help']) {
    stdout.write(USAGE)
    return 0
  }
  if (positionals.length > 0) {
    throw new OptionTypeError('arguments', `doctor takes options only, got '${positionals[0]}'`)
  }
  const url = values['redis'] as string | undefined
  if (url !== undefined) checkUrl('--redis', url)
  const port = values['proxies'] === undefined ? undefined : portOf('--proxies', values['proxies'])
  const checks = await examine(
    { redis: installedVersion('redis'), ioredis: installedVersion('ioredis') },
    url,
  )
  if (port !== undefined) {
    const told = (own: number) =>
      terminal.stderr.write(
        `waiting for one request on port ${own}: open the public address of your site\n`,
      )
    checks.push(checkProxies(await receiveRequest(port, told)))
  }
  const healthy = checks.every(({ level }) => level !== 'fault')
  const diagnosis: Diagnosis = { schema: 'aioflux/doctor@1', healthy, checks }
  if (values['json']) stdout.write(`${JSON.stringify(diagnosis)}\n`)
  else stdout.write(textOf(checks, widthOf(stdout), paintFor(terminal)))
  return healthy ? 0 : 1
}

/**
 * All checks, in the order in which they are printed. Without a client library nothing is said about the server: it was not asked.
 *
 * @param libraries of each client library the installed version, `undefined` where it is not installed
 * @param url of the Redis to ask; `undefined` checks this machine alone
 */
export async function examine(
  libraries: Parameters<typeof checkClient>[0],
  url: string | undefined,
): Promise<Check[]> {
  const client = checkClient(libraries, url !== undefined)
  const canAsk = url !== undefined && client.level !== 'fault'
  return [checkNode(process.versions), client, ...(canAsk ? await checkRedis(url) : [])]
}

async function checkRedis(url: string): Promise<Check[]> {
  try {
    return checkServer(await askServer(url))
  } catch (error) {
    const { message, code } = error as Error & { code?: string }
    const why = message || code || 'no reason given'
    return [
      fault(
        'server',
        `${new URL(url).host} does not answer: ${why}`,
        'Start the server, or correct the address, the password or TLS (rediss://) in the url.',
      ),
    ]
  }
}

const STYLES: Readonly<Record<Level, Style>> = { ok: 'green', warning: 'yellow', fault: 'red' }
const INDENT = 9 + 13

function textOf(checks: readonly Check[], width: number, paint: Paint): string {
  const lines = checks.flatMap(({ check, level, found, change }) => {
    const [first = '', ...rest] = wrapped(found, width - INDENT)
    const advice = change === null ? [] : wrapped(`-> ${change}`, width - INDENT)
    return [
      `${paint(STYLES[level], level.padEnd(9))}${check.padEnd(13)}${first}`,
      ...[...rest, ...advice].map((line) => ' '.repeat(INDENT) + line),
    ]
  })
  return `${lines.join('\n')}\n`
}
