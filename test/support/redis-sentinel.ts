import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { redisBinary } from './redis-binary.ts'
import { type RedisServer, startRedis } from './redis-server.ts'
import { type Reply, redisCommand } from './resp.ts'
import { type ServerProcess, startProcess } from './server-process.ts'
import { until } from './until.ts'

const NAME = 'main'

/**
 * The house-keeping that no option of the configuration shortens: by its defaults (2 s, 10 s) a former master goes on
 * taking writes for 8 s until it is made a replica. A busy machine must not send a sentinel into TILT for 30 s.
 */
const PERIODS = [
  ['publish-period', 200],
  ['info-period', 500],
  ['tilt-period', 1_000],
] as const

export interface Address {
  readonly host: string
  readonly port: number
  readonly url: string
}

export interface Sentinel extends Address {
  readonly pid: number
  command(...args: (string | number)[]): Promise<Reply>
}

/** A master, a replica, and three sentinels that watch them. */
export interface RedisSentinel extends AsyncDisposable {
  /** What the sentinels call the master. */
  readonly name: string
  readonly sentinels: readonly Sentinel[]
  /** Both servers, in the order in which they were started, not by role. */
  readonly servers: readonly RedisServer[]
  /** Where the sentinels say the master is. */
  master(): Promise<Address>
  /**
   * The other server becomes the master: on command, in which case the old one becomes its replica, or because the
   * master is killed; `restart()` it to have a replica again. What was written before the call is on both; of what is
   * written meanwhile, the tail may be lost. Resolves when all sentinels agree and the new master takes writes.
   */
  failover(how?: 'command' | 'kill'): Promise<Address>
  stop(): Promise<void>
}

export async function startSentinel({
  args = [],
}: {
  args?: readonly string[]
} = {}): Promise<RedisSentinel> {
  const servers: RedisServer[] = []
  const watchers: { sentinel: Sentinel; end(): Promise<void> }[] = []
  const stop = async () => {
    await Promise.all(watchers.map(({ end }) => end()))
    await Promise.all(servers.map((server) => server.stop()))
  }
  const sentinels = () => watchers.map(({ sentinel }) => sentinel)
  const agreed = async (condition: (sentinel: Sentinel) => Promise<boolean>) =>
    (await Promise.all(sentinels().map(condition))).every(Boolean)

  try {
    // The delay would let a full copy wait 5 s for company.
    for (let i = 0; i < 2; i++)
      servers.push(await startRedis({ args: ['--repl-diskless-sync-delay', '0', ...args] }))
    const [master, replica] = servers as [RedisServer, RedisServer]
    // As a command, not an option: after a restart, the sentinels decide what a server is.
    await replica.command('REPLICAOF', master.host, master.port)
    await until('replica', () => isReplicaOf(replica, master.port), { within: 20_000 })
    for (let i = 0; i < 3; i++) watchers.push(await watch(master))
    await until(
      'sentinels that know each other',
      () =>
        agreed(async (sentinel) => {
          const state = fields(await sentinel.command('SENTINEL', 'MASTER', NAME))
          return state.get('num-slaves') === '1' && state.get('num-other-sentinels') === '2'
        }),
      { within: 20_000, every: 50 },
    )
  } catch (error) {
    await stop()
    throw error
  }

  const master = () => masterOf(sentinels()[0]!)
  return {
    name: NAME,
    sentinels: sentinels(),
    servers,
    master,
    async failover(how = 'command') {
      const { port: before } = await master()
      const old = servers.find(({ port }) => port === before)!
      const next = servers.find(({ port }) => port !== before)!
      const written = Number(((await old.command('ROLE')) as Reply[])[1])
      await until('replica in step', () => isReplicaOf(next, before, written), { within: 20_000 })
      if (how === 'kill') await old.kill()
      else
        await until(
          'consent to a fail-over',
          () => sentinels()[0]!.command('SENTINEL', 'FAILOVER', NAME),
          { within: 20_000, every: 100 },
        )
      await until(
        'fail-over',
        async () =>
          (await agreed(async (sentinel) => (await masterOf(sentinel)).port === next.port)) &&
          ((await next.command('ROLE')) as string[])[0] === 'master' &&
          (how === 'kill' || (await isReplicaOf(old, next.port))),
        { within: 40_000, every: 50 },
      )
      return master()
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Starts a sentinel: redis-server itself in another mode, so that the package of that name is not needed. */
async function watch(master: RedisServer): Promise<{ sentinel: Sentinel; end(): Promise<void> }> {
  const binary = await redisBinary()
  const dir = mkdtempSync(join(tmpdir(), 'aioflux-sentinel-'))
  const file = join(dir, 'sentinel.conf')
  let process: ServerProcess | undefined
  const end = async () => {
    await process?.end('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    writeFileSync(
      file,
      `port ${port}
bind 127.0.0.1
dir "${dir}"
sentinel monitor ${NAME} ${master.host} ${master.port} 2
sentinel down-after-milliseconds ${NAME} 500
sentinel failover-timeout ${NAME} 2000
`,
    )
    const url = `redis://127.0.0.1:${port}`
    const command = (...args: (string | number)[]) => redisCommand(url, args)
    const started = startProcess(binary, [file, '--sentinel'], { dir, temporary: true })
    process = started
    try {
      await until(`sentinel on port ${port}`, async () => {
        if (!started.running) return true
        return String(await command('INFO', 'server')).includes(`process_id:${started.pid}\r`)
      })
      if (!started.running) throw new Error(`sentinel on port ${port} ended:\n${started.log()}`)
      for (const [period, ms] of PERIODS) await command('SENTINEL', 'DEBUG', period, ms)
      return { sentinel: { host: '127.0.0.1', port, url, pid: started.pid, command }, end }
    } catch (error) {
      await started.end('SIGKILL')
      if (attempt < 3) continue // somebody else took the port between the look and the start
      await end()
      throw error
    }
  }
}

async function masterOf(sentinel: Sentinel): Promise<Address> {
  const reply = await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)
  const [host, port] = reply as [string, string]
  return { host, port: Number(port), url: `redis://${host}:${port}` }
}

/** Whether it is one, and has all that was written up to `offset`: a link is "connected" a second before data flows. */
async function isReplicaOf(server: RedisServer, port: number, offset = 0): Promise<boolean> {
  const [role, , of, state, has] = (await server.command('ROLE')) as Reply[]
  return role === 'slave' && Number(of) === port && state === 'connected' && Number(has) >= offset
}

/** A reply of names and values in turn. */
function fields(reply: Reply): Map<string, Reply> {
  const words = reply as Reply[]
  return new Map(
    words.flatMap((word, i) => (i % 2 === 0 ? [[String(word), words[i + 1] ?? null]] : [])),
  )
}
