import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Coordinator, isAioFluxError, LimiterFactory, StorageDownError } from 'aioflux'
import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { afterEach, expect, it, vi } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/until.ts'

afterEach(() => vi.restoreAllMocks())

it('a server that is not there is said on the console, once, and is the cause of each failure', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {})
  const port = await freePort()
  const url = `redis://somebody:secret@127.0.0.1:${port}`
  const storage = new RedisStorage({ url, timeout: '2s' })
  // The first may end before the client has been loaded and has tried.
  while (said.mock.calls.length === 0) await storage.get('a').catch(() => {})
  for (let i = 0; i < 2; i++) {
    const error = await storage.get('a').catch((reason: unknown) => reason)
    expect(isAioFluxError(error, 'STORAGE_DOWN')).toBe(true)
    expect((error as StorageDownError).cause).toMatchObject({ code: 'ECONNREFUSED' })
    expect((error as StorageDownError).message).toContain('ECONNREFUSED')
  }
  await storage.close()
  expect(said).toHaveBeenCalledTimes(1)
  expect(said.mock.calls[0]?.[0]).toContain(`redis://127.0.0.1:${port}`)
  expect(JSON.stringify(said.mock.calls)).not.toContain('secret')
})

it.each([
  ['RedisStorage', (url: string) => new RedisStorage({ url, timeout: '1h' })],
  ['HybridStorage', (url: string) => new HybridStorage({ redis: url })],
])('%s: it is the cause where the storageTimeout of a limiter is over first', async (_, make) => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const storage = make(`redis://127.0.0.1:${await freePort()}`)
  const bucket = (scope: string) =>
    LimiterFactory.tokenBucket({
      rate: 1,
      storage,
      scope,
      onStorageError: 'throw',
      storageTimeout: '50ms',
    })
  for (const limiter of [bucket('a'), LimiterFactory.composite(bucket('b'), bucket('c'))]) {
    const cause = async () => {
      const error = await limiter.consume('k').catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(StorageDownError)
      return (error as StorageDownError).cause
    }
    // The first may end before the client has been loaded and has tried.
    await until('the cause is told', async () => (await cause()) !== undefined)
    expect(await cause()).toMatchObject({ code: 'ECONNREFUSED' })
  }
  await storage.close()
})

it('a url that cannot be read is refused at once', () => {
  for (const url of ['no url at all', 'redis://localhost:port', '/tmp/redis.sock']) {
    expect(() => new RedisStorage({ url })).toThrow(/^url must .*, got '/)
  }
})

it('a close while it connects is no failure to tell', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {})
  const silent = createServer((socket) => socket.on('error', () => {}))
  const sockets = new Set<Socket>()
  silent.on('connection', (socket) => sockets.add(socket.resume()))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  const storages = [
    (url: string) => new RedisStorage({ url }),
    (url: string) => new HybridStorage({ redis: url }),
  ]
  for (const make of storages) {
    const before = sockets.size
    const storage = make(`redis://127.0.0.1:${port}`)
    const coordinator = new Coordinator({ storage })
    const locks = [coordinator.lock('x'), coordinator.lock('x')]
    const settled = Promise.allSettled(locks)
    await until('it connects', () => sockets.size > before)
    await coordinator.close()
    await storage.close()
    await settled
    for (const socket of sockets) await until('the connection is gone', () => socket.destroyed)
  }
  silent.close()
  // Whatever the client says about its end has been said.
  await new Promise((resolve) => setImmediate(resolve))
  expect(said).not.toHaveBeenCalled()
})
