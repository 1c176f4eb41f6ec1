import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { redisBinary } from './redis-binary.ts'
import { type Reply, redisCommand } from './resp.ts'
import { type ProcessOptions, type ServerProcess, startProcess } from './server-process.ts'
import { until } from './until.ts'

export interface RedisOptions {
  /** Further options of redis-server, e.g. `['--appendonly', 'yes']`; they win over the defaults. */
  args?: readonly string[]
  /** @default a free one */
  port?: number
  /** Where it keeps its files. @default a temporary folder that goes with the server */
  dir?: string
}

/** A server that exists: our own, or the one that REDIS_URL names. */
export interface SharedRedis {
  readonly url: string
  stop(): Promise<void>
}

/** A redis-server of our own on 127.0.0.1, which no test but the caller's knows, and which may be mistreated. */
export interface RedisServer extends SharedRedis, AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly dir: string
  /** Another one after {@link restart}. */
  readonly pid: number
  readonly running: boolean
  /** Ends it in order, and removes its temporary folder. */
  stop(): Promise<void>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again with the same port, folder and options, after ending it in order if it still runs. */
  restart(): Promise<void>
  /** SIGSTOP: connections stay open and are accepted, nothing is answered, nothing is lost. */
  pause(): void
  /** SIGCONT: answers everything that was sent meanwhile. */
  resume(): void
  /** One command on a connection of its own. */
  command(...args: (string | number)[]): Promise<Reply>
}

/** The server for tests that treat it well: REDIS_URL if given, or else one of our own. */
export async function sharedRedis(): Promise<SharedRedis> {
  const { REDIS_URL: url = '' } = process.env
  if (url === '') return startRedis()
  try {
    await redisCommand(url, ['PING'], 2_000)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(
      `REDIS_URL is set, but there is no Redis to use: ${why}\n` +
        'Start that server, or unset REDIS_URL and the tests find or start one by themselves.\n' +
        'The tests that need no Redis: npm run test:unit',
      { cause },
    )
  }
  return { url, stop: async () => {} }
}

/** Whether {@link startRedis} can work here; false where REDIS_URL is the only Redis. Says why not. */
export async function canStartRedis(): Promise<boolean> {
  try {
    await redisBinary()
    return true
  } catch (error) {
    console.warn(`Skipped, for want of an own redis-server. ${(error as Error).message}`)
    return false
  }
}

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const binary = await redisBinary()
  const temporary = options.dir === undefined
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'aioflux-redis-'))
  const start = (port: number) => launch(binary, { dir, temporary }, port, options.args)
  const tidy = () => {
    if (temporary) rmSync(dir, { recursive: true, force: true })
  }
  let port = 0
  let server: ServerProcess | undefined
  for (let attempt = 1; server === undefined; attempt++) {
    port = options.port ?? (await freePort())
    try {
      server = await start(port)
    } catch (error) {
      if (attempt < 3) continue // somebody else took the port between the look and the start
      tidy()
      throw error
    }
  }
  let process = server
  const url = `redis://127.0.0.1:${port}`
  const stop = async () => {
    await process.end('SIGTERM')
    tidy()
  }
  return {
    url,
    host: '127.0.0.1',
    port,
    dir,
    get pid() {
      return process.pid
    },
    get running() {
      return process.running
    },
    stop,
    [Symbol.asyncDispose]: stop,
    kill: () => process.end('SIGKILL'),
    async restart() {
      await process.end('SIGTERM')
      process = await start(port)
    },
    pause: () => process.signal('SIGSTOP'),
    resume: () => process.signal('SIGCONT'),
    command: (...args) => redisCommand(url, args),
  }
}

/** Starts it and waits until it, and no stranger on the same port, answers. */
async function launch(
  binary: string,
  where: ProcessOptions,
  port: number,
  args: readonly string[] = [],
): Promise<ServerProcess> {
  const own = ['--bind', '127.0.0.1', '--port', String(port), '--dir', where.dir]
  const process = startProcess(binary, [...own, '--save', '', '--appendonly', 'no', ...args], where)
  try {
    await until(`redis-server on port ${port}`, async () => {
      if (!process.running) return true
      const info = await redisCommand(`redis://127.0.0.1:${port}`, ['INFO', 'all'], 1_000)
      return (
        /^process_id:(\d+)/m.exec(String(info))?.[1] === String(process.pid) &&
        !/^loading:1/m.test(String(info))
      )
    })
    if (!process.running) throw new Error(`redis-server on port ${port} ended:\n${process.log()}`)
    return process
  } catch (error) {
    await process.end('SIGKILL')
    throw error
  }
}
