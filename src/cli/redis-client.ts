import { OptionTypeError, StorageDownError } from '../core/errors.ts'
import { load, serverOf } from '../redis/client/client.ts'
import type { RedisClientLike } from '../redis/client/client-like.ts'

/** A client that was opened for a command, and the way to end it. */
export interface OpenedClient extends Disposable {
  readonly client: RedisClientLike
}

/** The part of the clients of both libraries that is used. */
interface Opens {
  on(event: 'error', listener: () => void): unknown
  connect(): Promise<unknown>
  destroy?(): void
  disconnect?(): void
}

/**
 * Opens a client for a Cluster, or for the master that a Sentinel knows by a name.
 *
 * @param url one node of the Cluster, or one Sentinel; the user and the password are those of the servers
 * @param sentinel the name of the master; `undefined` for a Cluster
 * @throws (rejects) StorageDownError when no server can be reached
 */
export async function openClient(url: string, sentinel: string | undefined): Promise<OpenedClient> {
  const { hostname: host, port, username, password, protocol } = new URL(url)
  const address = { host, port: Number(port || 6379) }
  const login = {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  }
  const secure = protocol === 'rediss:'
  const client = (await byNodeRedis()) ?? (await byIoredis())
  if (client === undefined) {
    throw new OptionTypeError('--redis', '--redis needs a client: install redis or ioredis')
  }
  // The storage tells later failures.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    const { message } = error as Error
    throw new StorageDownError(`--redis cannot be reached at ${serverOf(url)}: ${message}`, {
      cause: error,
    })
  }
  return {
    client: client as unknown as RedisClientLike,
    [Symbol.dispose]() {
      if (client.destroy) client.destroy()
      else client.disconnect?.()
    },
  }

  async function byNodeRedis(): Promise<Opens | undefined> {
    const library = await load('redis')
    if (library === undefined) return undefined
    const options = { ...login, socket: { tls: secure } }
    return sentinel === undefined
      ? library.createCluster({ rootNodes: [{ url }], defaults: options })
      : library.createSentinel({
          name: sentinel,
          sentinelRootNodes: [address],
          nodeClientOptions: options,
        })
  }

  async function byIoredis(): Promise<Opens | undefined> {
    const library = await load('ioredis')
    if (library === undefined) return undefined
    const options = { ...login, ...(secure && { tls: {} }) }
    return sentinel === undefined
      ? new library.Cluster([address], { lazyConnect: true, redisOptions: options })
      : new library.Redis({ ...options, name: sentinel, sentinels: [address], lazyConnect: true })
  }
}
