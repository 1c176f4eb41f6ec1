import { type Check, fault, ok, warning } from './check.ts'
import { isAtLeast } from './version.ts'

/** The answers of a Redis to the questions of the doctor. */
export interface ServerFacts {
  /** The fields of `INFO`. */
  readonly info: Readonly<Record<string, string>>
  /** The settings that `CONFIG GET` told; none where the server does not allow it. */
  readonly settings: Readonly<Record<string, string>>
  /** Why a script was refused, `undefined` when one ran. */
  readonly scriptError: string | undefined
  /** How far the server's clock is ahead of this machine's, in milliseconds; negative when it is behind. */
  readonly clockAhead: number
  /** How far `clockAhead` may be wrong: half of the time that the answer took. */
  readonly clockError: number
}

/** A difference of clocks that users notice: a second. */
const CLOCK_LIMIT = 1000

/** Everything that is checked of a Redis. */
export function checkServer(facts: ServerFacts): Check[] {
  return [
    checkVersion(facts),
    checkRole(facts),
    checkScripts(facts),
    checkEviction(facts),
    checkPersistence(facts),
    checkClock(facts),
  ]
}

function checkVersion({ info }: ServerFacts): Check {
  const { valkey_version: valkey, redis_version: redis } = info
  if (valkey !== undefined) return ok('server', `Valkey ${valkey}`)
  if (redis === undefined) {
    return warning(
      'server',
      'INFO does not tell the version',
      'Check by hand: aioflux needs Redis 6.2 or newer, or Valkey.',
    )
  }
  if (isAtLeast(redis, 6, 2)) return ok('server', `Redis ${redis}`)
  return fault('server', `Redis ${redis}`, 'Upgrade to Redis 6.2 or newer, or to Valkey.')
}

function checkRole({ info }: ServerFacts): Check {
  if (info['role'] === 'slave') {
    return fault(
      'role',
      'a replica: it refuses writes',
      `Use the url of the master${info['master_host'] ? `: ${info['master_host']}:${info['master_port']}` : ''}.`,
    )
  }
  if (info['cluster_enabled'] === '1') {
    return warning(
      'role',
      'a node of a Cluster',
      'A url reaches this node only. Give RedisStorage a Cluster client of redis or ioredis.',
    )
  }
  return ok('role', 'a server that takes writes')
}

function checkScripts({ scriptError }: ServerFacts): Check {
  if (scriptError === undefined) return ok('scripts', 'EVAL is allowed')
  return fault(
    'scripts',
    `EVAL is refused: ${scriptError}`,
    'Allow EVAL and EVALSHA for this user: each decision is a script.',
  )
}

function checkEviction({ info }: ServerFacts): Check {
  const policy = info['maxmemory_policy']
  if (policy === undefined) {
    return warning(
      'eviction',
      'INFO does not tell maxmemory_policy',
      'Check by hand: it should be noeviction.',
    )
  }
  if (policy === 'noeviction') return ok('eviction', policy)
  const change =
    'Set maxmemory-policy to noeviction (CONFIG SET maxmemory-policy noeviction, and in redis.conf), or give aioflux its own server.'
  if (info['maxmemory'] === '0') {
    return warning('eviction', `${policy}, but without maxmemory nothing is evicted yet`, change)
  }
  if (policy.startsWith('volatile-')) {
    return warning(
      'eviction',
      `${policy}: when memory is full, limits, locks and results can be deleted`,
      change,
    )
  }
  return fault(
    'eviction',
    `${policy}: when memory is full, limits, locks and waiting jobs can be deleted`,
    change,
  )
}

function checkPersistence({ info, settings }: ServerFacts): Check {
  const change =
    'Enough for limits. Queues, schedules and locks need the append-only file: CONFIG SET appendonly yes, and in redis.conf.'
  const failed = [
    ['aof_last_write_status', 'the last write of the append-only file failed'],
    ['aof_last_bgrewrite_status', 'the last rewrite of the append-only file failed'],
    ['rdb_last_bgsave_status', 'the last snapshot failed'],
  ].find(([field]) => info[field as string] === 'err')
  if (failed !== undefined) {
    return fault(
      'persistence',
      failed[1] as string,
      'Read the log of the server: often the disk is full, or the folder cannot be written.',
    )
  }
  if (info['aof_enabled'] === '1') {
    const { appendfsync = 'everysec' } = settings
    return ok('persistence', `append-only file, appendfsync ${appendfsync}`)
  }
  if (info['aof_enabled'] === undefined) {
    return warning(
      'persistence',
      'INFO does not tell aof_enabled',
      'Ask the operator of this server whether an append-only file is on.',
    )
  }
  if (settings['save'] === '') {
    return warning('persistence', 'none: a restart loses all limits, locks and jobs', change)
  }
  return warning(
    'persistence',
    `snapshots only${settings['save'] ? ` (save ${settings['save']})` : ''}: a crash loses everything since the last snapshot`,
    change,
  )
}

function checkClock({ clockAhead, clockError }: ServerFacts): Check {
  const off = Math.abs(clockAhead)
  const seconds = (off / 1000).toFixed(1)
  if (off - clockError <= CLOCK_LIMIT) return ok('clock', 'within a second of this machine')
  return warning(
    'clock',
    `the server's clock is ${seconds} s ${clockAhead > 0 ? 'ahead of' : 'behind'} this machine's`,
    'Limits and locks go by the clock of the server; schedules and dates by that of each machine. Run NTP on both.',
  )
}
