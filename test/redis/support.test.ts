import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { program } from '../support/program.ts'
import { findRedis } from '../support/redis-binary.ts'
import {
  canStartRedis,
  type RedisServer,
  sharedRedis,
  startRedis,
} from '../support/redis-server.ts'
import { ReplyError, redisCommand } from '../support/resp.ts'
import { proxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

const prefix = `support:${crypto.randomUUID()}:`

describe('the shared server', () => {
  const ask = (...args: (string | number)[]) => redisCommand(inject('redisUrl'), args)

  it('answers, and has a clock', async () => {
    expect(await ask('PING')).toBe('PONG')
    const [seconds] = (await ask('TIME')) as string[]
    expect(Number(seconds)).toBeGreaterThan(1.5e9)
  })

  it('every kind of reply is understood', async () => {
    const lua = "return {1, 'é', {false, redis.status_reply('OK')}, {}}"
    expect(await ask('EVAL', lua, 0)).toEqual([1, 'é', [null, 'OK'], []])
    expect(await ask('GET', `${prefix}none`)).toBeNull()
    await ask('SET', `${prefix}long`, 'x'.repeat(1e6), 'PX', 10_000)
    expect(await ask('GET', `${prefix}long`)).toHaveLength(1e6)
    await expect(ask('EVALSHA', '0'.repeat(40), 0)).rejects.toMatchObject({ code: 'NOSCRIPT' })
    await expect(ask('NO-SUCH')).rejects.toBeInstanceOf(ReplyError)
  })
})

describe.skipIf(!(await canStartRedis()))('a server of our own', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  it('is another process on the same port after a restart', async () => {
    const { pid, port, url } = redis
    await redis.command('SET', 'k', 'v')
    await redis.restart()
    expect({ port: redis.port, url: redis.url }).toEqual({ port, url })
    expect(redis.pid).not.toBe(pid)
    expect(await redis.command('GET', 'k')).toBeNull()
  })

  it('can be killed, and comes back', async () => {
    await redis.kill()
    expect(redis.running).toBe(false)
    await expect(redis.command('PING')).rejects.toThrow('ECONNREFUSED')
    await redis.restart()
    expect(await redis.command('PING')).toBe('PONG')
  })

  it('says nothing while paused, and then everything', async () => {
    redis.pause()
    await expect(redisCommand(redis.url, ['PING'], 100)).rejects.toThrow('no answer within 100 ms')
    const late = redis.command('PING')
    redis.resume()
    expect(await late).toBe('PONG')
  })

  it('keeps what its options tell it to keep, in its folder, until it is stopped', async () => {
    const durable = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
    try {
      await durable.command('SET', 'k', 'v')
      await durable.kill()
      await durable.restart()
      expect(await durable.command('GET', 'k')).toBe('v')
    } finally {
      await durable.stop()
    }
    expect(existsSync(durable.dir)).toBe(false)
    expect(durable.running).toBe(false)
  })

  it('many start at once', async () => {
    const servers = await Promise.all(Array.from({ length: 6 }, () => startRedis()))
    try {
      expect(new Set(servers.map(({ port }) => port)).size).toBe(6)
      const replies = await Promise.all(servers.map((server) => server.command('PING')))
      expect(replies).toEqual(Array(6).fill('PONG'))
    } finally {
      await Promise.all(servers.map((server) => server.stop()))
    }
  })

  it('a start that cannot work says what the server said', async () => {
    await expect(startRedis({ args: ['--no-such-option', '1'] })).rejects.toThrow('no-such-option')
    await expect(startRedis({ port: redis.port })).rejects.toThrow(/ended|not within/)
  })

  it('does not outlive a process that is killed', async () => {
    const module = fileURLToPath(new URL('../support/redis-server.ts', import.meta.url))
    const code = `const { startRedis } = await import(${JSON.stringify(module)})
      const [one, other] = [await startRedis(), await startRedis()]
      await other.kill()
      process.stdout.write([one.pid, one.dir, other.dir].join(' ') + '\\n'); setInterval(() => {}, 1e6)`
    using file = program(code)
    const child = spawn(process.execPath, file.args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let printed = ''
    child.stdout.on('data', (text) => {
      printed += text
    })
    try {
      await until('two servers, one of them dead', () => printed.endsWith('\n'))
      const [pid, ...dirs] = printed.trim().split(' ')
      const left = () => [alive(Number(pid)), ...dirs.map((dir) => existsSync(dir))]
      expect(left()).toEqual([true, true, true])
      child.kill('SIGKILL')
      await until('end of the server', () => !left().includes(true))
    } finally {
      child.kill('SIGKILL')
    }
  })

  describe('behind a bad network', () => {
    it('a healthy proxy changes nothing', async () => {
      await using net = await proxy(redis.port)
      expect(await redisCommand(net.url, ['ECHO', 'x'.repeat(1e6)])).toHaveLength(1e6)
      await until('end of the connection', () => net.connections === 0)
    })

    it('latency is added to a round trip, and order is kept when it falls', async () => {
      await using net = await proxy(redis.port)
      net.latency(80)
      const start = performance.now()
      const slow = redisCommand(net.url, ['PING'])
      expect(await slow).toBe('PONG')
      expect(performance.now() - start).toBeGreaterThanOrEqual(79)
      net.latency(0)
      expect(await redisCommand(net.url, ['PING'], 1_000)).toBe('PONG')
    })

    it('a black hole accepts and never answers, and the server sees nothing', async () => {
      await using net = await proxy(redis.port)
      net.blackhole(true)
      await expect(redisCommand(net.url, ['SET', 'black', '1'], 100)).rejects.toThrow('no answer')
      expect(await redis.command('EXISTS', 'black')).toBe(0)
      const stuck = redisCommand(net.url, ['PING'])
      await until('connection', () => net.connections === 1)
      await new Promise((resolve) => setTimeout(resolve, 20))
      net.blackhole(false)
      await expect(stuck).rejects.toThrow(/ECONNRESET|closed/)
      expect(await redisCommand(net.url, ['PING'])).toBe('PONG')
    })

    it('a dropped reply: done at the server, unknown to the client', async () => {
      await using net = await proxy(redis.port)
      net.dropReplies(true)
      await expect(redisCommand(net.url, ['INCR', 'dropped'], 100)).rejects.toThrow('no answer')
      expect(await redis.command('GET', 'dropped')).toBe('1')
      expect(net.lost).toBe(1)
      net.dropReplies(false)
      expect(await redisCommand(net.url, ['INCR', 'dropped'])).toBe(2)
    })

    it('some replies dropped: their connections are reset, all commands were done', async () => {
      let i = 0
      await using net = await proxy(redis.port, { random: () => (i++ % 4) / 4 })
      net.dropReplies(0.25)
      const calls = Array.from({ length: 20 }, () => redisCommand(net.url, ['INCR', 'some']))
      const results = await Promise.allSettled(calls)
      expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(5)
      expect(await redis.command('GET', 'some')).toBe('20')
    })

    it('cut resets, refuse refuses, and both heal', async () => {
      await using net = await proxy(redis.port)
      const blocked = redisCommand(net.url, ['BLPOP', 'nothing', 0])
      await until('connection', () => net.connections === 1)
      net.cut()
      await expect(blocked).rejects.toThrow(/ECONNRESET|closed/)
      await net.refuse(true)
      await expect(redisCommand(net.url, ['PING'])).rejects.toThrow('ECONNREFUSED')
      await net.refuse(false)
      expect(await redisCommand(net.url, ['PING'])).toBe('PONG')
    })
  })
})

describe('where there is no server', () => {
  it('the error names the ways to get one', async () => {
    const nowhere = findRedis({ path: '/nowhere', install: null })
    await expect(nowhere).rejects.toThrow(/REDIS_URL.*on PATH.*apt-get.*npm run test:unit/s)
  })

  it('an installation that fails says so', async () => {
    const install = () => Promise.reject(new Error('no network'))
    await expect(findRedis({ path: '/nowhere', install })).rejects.toThrow('no network')
  })

  it('a dead REDIS_URL is an error that names it and not its password', async () => {
    await using net = await proxy(1)
    await net.refuse(true)
    vi.stubEnv('REDIS_URL', `redis://:secret@127.0.0.1:${net.port}`)
    try {
      const message = await sharedRedis().catch((error: Error) => error.message)
      expect(message).toContain(`127.0.0.1:${net.port}: ECONNREFUSED`)
      expect(message).not.toContain('secret')
    } finally {
      vi.unstubAllEnvs()
    }
  })
})

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
