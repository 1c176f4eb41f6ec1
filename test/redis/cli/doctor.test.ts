import { afterEach, describe, expect, it, vi } from 'vitest'
import { factsOf } from '../../../src/cli/doctor/ask-server.ts'
import { checkClient, checkNode, installedVersion } from '../../../src/cli/doctor/machine.ts'
import { checkServer } from '../../../src/cli/doctor/server.ts'
import { examine } from '../../../src/cli/doctor.ts'
import { command } from '../../cli/support.ts'
import { clients, libraries } from '../../support/clients.ts'
import { freePort } from '../../support/free-port.ts'
import { canStartRedis, type RedisOptions, startRedis } from '../../support/redis-server.ts'

interface Check {
  check: string
  level: string
  found: string
  change: string | null
}

afterEach(() => vi.useRealTimers())

async function diagnose(...args: string[]) {
  const { code, stdout, stderr } = await command(['doctor', '--json', ...args])
  expect(stderr).toBe('')
  const { schema, healthy, checks } = JSON.parse(stdout) as {
    schema: string
    healthy: boolean
    checks: Check[]
  }
  expect(schema).toBe('aioflux/doctor@1')
  // One rule for all: a fault is told by the exit code and by `healthy`, and all but `ok` has an advice.
  expect(healthy).toBe(checks.every(({ level }) => level !== 'fault'))
  expect(code).toBe(healthy ? 0 : 1)
  for (const { level, change } of checks) expect(change === null).toBe(level === 'ok')
  return Object.fromEntries(checks.map((check) => [check.check, check]))
}

async function diagnoseServer(options: RedisOptions) {
  await using server = await startRedis(options)
  return await diagnose('--redis', server.url)
}

describe.skipIf(!(await canStartRedis()))('aioflux doctor --redis', () => {
  it('finds nothing to change where the settings are right', async () => {
    const checks = await diagnoseServer({ args: ['--appendonly', 'yes'] })
    expect(Object.values(checks).map(({ check, level }) => [check, level])).toEqual(
      ['Node', 'client', 'server', 'role', 'scripts', 'eviction', 'persistence', 'clock'].map(
        (check) => [check, 'ok'],
      ),
    )
    expect(checks['persistence']?.found).toBe('append-only file, appendfsync everysec')
  })

  it('warns of a server that keeps nothing, and of one that keeps snapshots only', async () => {
    const none = await diagnoseServer({})
    expect(none['persistence']).toMatchObject({
      level: 'warning',
      found: expect.stringContaining('none'),
      change: expect.stringContaining('CONFIG SET appendonly yes'),
    })
    const snapshots = await diagnoseServer({ args: ['--save', '900 1'] })
    expect(snapshots['persistence']).toMatchObject({
      level: 'warning',
      found: expect.stringContaining('save 900 1'),
    })
  })

  it.each([
    ['allkeys-lru', '100mb', 'fault'],
    ['volatile-ttl', '100mb', 'warning'],
    ['allkeys-lru', '0', 'warning'],
  ])('%s with maxmemory %s is a %s', async (policy, maxmemory, level) => {
    const args = ['--maxmemory', maxmemory, '--maxmemory-policy', policy]
    const { eviction } = await diagnoseServer({ args })
    expect(eviction).toMatchObject({
      level,
      found: expect.stringContaining(policy),
      change: expect.stringContaining('noeviction'),
    })
  })

  it('a replica is a fault, and its master is named', async () => {
    await using master = await startRedis()
    const args = ['--replicaof', '127.0.0.1', String(master.port)]
    const { role } = await diagnoseServer({ args })
    expect(role).toMatchObject({
      level: 'fault',
      change: expect.stringContaining(`127.0.0.1:${master.port}`),
    })
  })

  it('a user who may not run scripts is told so, and INFO is not needed for the rest', async () => {
    await using server = await startRedis()
    await server.command('ACL', 'SETUSER', 'ann', 'on', '>secret', '~*', '+@all', '-eval', '-info')
    const checks = await diagnose('--redis', server.url.replace('//', '//ann:secret@'))
    expect(checks['scripts']?.level).toBe('fault')
    expect(checks['scripts']?.found).toContain("permissions to run the 'eval' command")
    for (const name of ['server', 'eviction', 'persistence']) {
      expect(checks[name], name).toMatchObject({
        level: 'warning',
        found: expect.stringContaining('INFO does not tell'),
      })
    }
  })

  it('tells how far the clocks are apart, and in which direction', async () => {
    await using server = await startRedis()
    for (const [shift, words] of [
      [-60_000, 'ahead of'],
      [60_000, 'behind'],
    ] as const) {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + shift })
      const { clock } = await diagnose('--redis', server.url)
      vi.useRealTimers()
      expect(clock).toMatchObject({ level: 'warning' })
      expect(clock?.found).toContain(words)
      expect(clock?.change).toContain('NTP')
    }
  })

  it('says which server does not answer, and why, without the password', async () => {
    const port = await freePort()
    const { stdout } = await command(['doctor', '--redis', `redis://ann:secret@127.0.0.1:${port}`])
    expect(stdout).toContain(`127.0.0.1:${port} does not answer`)
    expect(stdout).not.toContain('secret')
    const { server } = await diagnose('--redis', `redis://127.0.0.1:${port}`)
    expect(server).toMatchObject({
      level: 'fault',
      found: expect.stringContaining('ECONNREFUSED'),
    })
  })

  it('a missing password is what the server says it is', async () => {
    await using redis = await startRedis()
    await redis.command('CONFIG', 'SET', 'requirepass', 'secret')
    const { server } = await diagnose('--redis', redis.url)
    expect(server).toMatchObject({ level: 'fault', found: expect.stringContaining('NOAUTH') })
  })

  it.each(libraries)('asks by %s', async (library) => {
    await using server = await startRedis({ args: ['--appendonly', 'yes'] })
    const { client, end } = await clients[library](server.url)
    const facts = await factsOf(client)
    end()
    expect(facts.settings).toEqual({ save: '', appendfsync: 'everysec' })
    expect(facts.scriptError).toBeUndefined()
    expect(checkServer(facts).filter(({ level }) => level !== 'ok')).toEqual([])
  })
})

describe('aioflux doctor', () => {
  it('checks the machine alone when no Redis is named, and prints text', async () => {
    expect(Object.keys(await diagnose())).toEqual(['Node', 'client'])
    const { stdout } = await command(['doctor'])
    expect(stdout).toMatch(/^ok +Node +/)
  })

  it.each([
    [
      ['--redis', 'localhost:6379'],
      "--redis must begin with redis:// or rediss://, got 'localhost:6379'",
    ],
    [['now'], "doctor takes options only, got 'now'"],
    [['--rediss'], "Unknown option '--rediss': the nearest is --redis"],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await command(['doctor', ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr).toContain('usage: aioflux doctor')
  })

  it('does not repeat a url that may hold a password', async () => {
    const { stderr } = await command(['doctor', '--redis', 'http://ann:secret@localhost'])
    expect(stderr).toContain("--redis must begin with redis:// or rediss://, got 'http://'")
    expect(stderr).not.toContain('secret')
  })

  it('knows which Node is new enough', () => {
    const levels = ['18.20.0', '20.18.3', '20.19.0', '21.7.0', '22.11.0', '22.12.0', '26.0.0'].map(
      (node) => checkNode({ node }).level,
    )
    expect(levels).toEqual(['fault', 'fault', 'ok', 'fault', 'fault', 'ok', 'ok'])
    expect(checkNode({ node: '18.0.0', bun: '1.3.0' })).toMatchObject({ found: 'Bun 1.3.0' })
  })

  it('a client library is needed only for a Redis', () => {
    const none = { redis: undefined, ioredis: undefined }
    expect(checkClient(none, true).level).toBe('fault')
    expect(checkClient(none, false).level).toBe('warning')
    expect(checkClient({ ...none, ioredis: '5.0.0' }, true)).toMatchObject({ level: 'ok' })
    expect(installedVersion('redis')).toMatch(/^\d+\.\d+\.\d+/)
    expect(installedVersion('no-such-package')).toBeUndefined()
  })

  it('without a client library it says nothing about the server that it did not ask', async () => {
    const none = { redis: undefined, ioredis: undefined }
    const checks = await examine(none, 'redis://127.0.0.1:1')
    expect(checks.map(({ check, level }) => `${check} ${level}`)).toEqual([
      'Node ok',
      'client fault',
    ])
  })

  it('a server that is too old is a fault; Valkey is not taken for the Redis it says it is', () => {
    const server = (info: Record<string, string>) => {
      const facts = { settings: {}, scriptError: undefined, clockAhead: 0, clockError: 0 }
      return checkServer({ ...facts, info })[0]
    }
    expect(server({ redis_version: '6.0.20' })?.level).toBe('fault')
    expect(server({ redis_version: '6.2.0' })?.level).toBe('ok')
    expect(server({ redis_version: '7.2.4', valkey_version: '8.1.0' })?.found).toBe('Valkey 8.1.0')
  })
})
