import { QueueFactory, type UnconfirmedError } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clients, libraries } from '../support/clients.ts'
import { figure } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

const possible = await canStartRedis()

describe.skipIf(!possible)('puts that replicas must confirm', () => {
  let master: RedisServer
  let replica: RedisServer
  beforeAll(async () => {
    master = await startRedis({ args: ['--enable-debug-command', 'yes'] })
    replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
    await until('the replica', async () =>
      String(await master.command('INFO', 'replication')).includes('state=online'),
    )
  })
  afterAll(async () => {
    await replica?.stop()
    await master?.stop()
  })

  it('are not confirmed by a server that has become another since', async () => {
    const client = new Redis(master.url)
    const run = client.evalsha.bind(client)
    let failsOver = false
    // The put is answered by the old master, and the new one is asked for the confirmation.
    client.evalsha = (async (...args: Parameters<typeof run>) => {
      const reply = await run(...args)
      if (failsOver) await master.command('DEBUG', 'CHANGE-REPL-ID')
      return reply
    }) as unknown as typeof client.evalsha
    const storage = new RedisStorage({ client, prefix: 'replicas' })
    const queue = QueueFactory.fifo<number>({ name: 'other', storage, minReplicas: 1 })
    await queue.put(1, { id: 'before' })
    failsOver = true
    const codes = await Promise.all(
      [queue.put(2, { id: 'own' }), queue.put(3), queue.put(4, { delay: 60 })].map((put) =>
        put.then(
          () => 'confirmed',
          (error: UnconfirmedError) => error.code,
        ),
      ),
    )
    expect(codes).toEqual(['UNCONFIRMED', 'UNCONFIRMED', 'UNCONFIRMED'])
    failsOver = false
    expect((await queue.put(2, { id: 'own' })).state).toBe('duplicate')
    await queue.stop()
    await storage.close()
    client.disconnect()
  })

  it.each(libraries)('are told apart: %s', async (library) => {
    const { client, end } = await clients[library](master.url)
    const storage = new RedisStorage({ client, prefix: 'replicas' })
    const options = { name: library, storage, maxSize: 100_000 }
    const queue = QueueFactory.fifo<number>({ ...options, minReplicas: 1 })
    const began = performance.now()
    await Promise.all(Array.from({ length: 500 }, (_, i) => queue.put(i)))
    const took = performance.now() - began
    figure(
      `WAIT: ${library}, 500 puts at once`,
      `${took.toFixed(0)} ms`,
      '<= 2000 ms',
      took <= 2000,
    )
    const there = Number(await replica.command('HLEN', `replicas:{queue:${library}}:jobs`))
    figure(`WAIT: ${library}, on the replica then`, there, '= 500', there === 500)

    replica.pause()
    const error: UnconfirmedError = await queue.put(1, { id: 'own' }).then(
      () => undefined,
      (reason) => reason,
    )
    figure(
      `WAIT: ${library}, a deaf replica`,
      error?.code,
      'UNCONFIRMED',
      error?.code === 'UNCONFIRMED',
    )
    figure(`WAIT: ${library}, which one`, error?.ids.join(), 'own', error?.ids.join() === 'own')
    // Who does not ask for it goes on.
    const other = QueueFactory.fifo<number>(options)
    const accepted = (await other.put(2)).state
    figure(`WAIT: ${library}, without minReplicas`, accepted, 'waiting', accepted === 'waiting')
    replica.resume()
    const again = (await queue.put(1, { id: 'own' })).state
    figure(`WAIT: ${library}, put again`, again, 'duplicate', again === 'duplicate')
    await Promise.all([queue.stop(), other.stop()])
    await storage.close()
    end()
  })
})
