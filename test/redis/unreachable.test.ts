import { isAioFluxError, StorageDownError } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterEach, expect, it, vi } from 'vitest'
import { freePort } from '../support/free-port.ts'

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

it('so is a url that cannot be read', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {})
  const storage = new RedisStorage({ url: 'no url at all' })
  for (let i = 0; i < 3; i++) {
    const error = await storage.get('a').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StorageDownError)
    expect((error as StorageDownError).cause).toBeInstanceOf(Error)
  }
  await storage.close()
  expect(said).toHaveBeenCalledTimes(1)
})
