import { ClosedError } from '../../core/errors.ts'
import type { RedisClientLike } from './client-like.ts'
import { socketEnd } from './socket-end.ts'

/** A connection that listens. */
export interface Subscriber {
  /** Resolves when the server has begun to send what is published there. */
  subscribe(channels: string[]): Promise<unknown>
  unsubscribe(channels: string[]): Promise<unknown>
  end(): void
}

/** The callbacks of a subscriber. */
export interface Ears {
  heard(channel: string, message: string): void
  /** The connection is there, for the first time or again; messages published in between are lost. */
  up(): void
  down(): void
}

/** The methods of both libraries that are needed here. */
interface Listens {
  on(event: string, listener: (...args: string[]) => void): unknown
  off(event: string, listener: (...args: string[]) => void): unknown
  // biome-ignore lint/suspicious/noExplicitAny: a listener in node-redis, channels in ioredis.
  subscribe(...args: any[]): Promise<unknown>
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  unsubscribe(...args: any[]): Promise<unknown>
}

interface NodeRedis extends Listens {
  readonly isOpen: boolean
  readonly options?: { readonly socket?: object }
  duplicate(override: { socket: object }): NodeRedis
  connect(): Promise<unknown>
  destroy(): void
  unref?(): void
}

interface Ioredis extends Listens {
  readonly isCluster?: boolean
  readonly status: string
  readonly options?: { readonly keyPrefix?: string }
  readonly stream?: { unref?(): void }
  duplicate(override?: object): Ioredis
  connect(): Promise<unknown>
  disconnect(): void
}

/**
 * A second connection like that of `client`, to listen on; `undefined` where the client cannot have one, as a pool.
 * A Cluster, and node-redis' Sentinel, keep one for that purpose themselves.
 */
export function subscriberOf(client: RedisClientLike, ears: Ears): Subscriber | undefined {
  if (!('subscribe' in client)) return undefined
  return 'evalSha' in client
    ? nodeRedisSubscriber(client as unknown as NodeRedis, ears)
    : ioredisSubscriber(client as unknown as Ioredis, ears)
}

function nodeRedisSubscriber(client: NodeRedis, ears: Ears): Subscriber {
  // Only a client of a single server needs a second connection, and only it can be unreferenced.
  const { signal, end } = socketEnd()
  const second =
    typeof client.unref === 'function'
      ? client.duplicate({ socket: { ...client.options?.socket, signal } })
      : undefined
  const listening = second ?? client
  const listener = (message: string, channel: string) => ears.heard(channel, message)
  second?.on('error', () => ears.down())
  // The event `ready` comes when the client has subscribed again to all of its channels.
  second?.on('ready', () => ears.up())
  let connected: Promise<unknown> | undefined
  let ended = false
  return {
    async subscribe(channels) {
      if (ended) throw new ClosedError('the subscriber')
      if (second !== undefined && !second.isOpen) {
        connected = second.connect().then(() => second.unref?.())
      }
      await connected
      await listening.subscribe(channels, listener)
    },
    unsubscribe: (channels) => listening.unsubscribe(channels, listener),
    end() {
      ended = true
      if (second !== undefined) end(second)
    },
  }
}

function ioredisSubscriber(client: Ioredis, ears: Ears): Subscriber {
  const second = client.isCluster
    ? undefined
    : client.duplicate({ lazyConnect: true, enableOfflineQueue: true, maxRetriesPerRequest: null })
  const listening = second ?? client
  // ioredis puts `keyPrefix` before every key and not before channels. The scripts publish with it, so it is put before channels here.
  const prefix = client.options?.keyPrefix ?? ''
  const named = (channels: string[]) => channels.map((channel) => prefix + channel)
  const listener = (channel: string, message: string) =>
    ears.heard(channel.slice(prefix.length), message)
  listening.on('message', listener)
  second?.on('error', () => {})
  second?.on('connect', () => second.stream?.unref?.())
  second?.on('ready', () => ears.up())
  second?.on('close', () => ears.down())
  let ended = false
  return {
    async subscribe(channels) {
      if (ended) throw new ClosedError('the subscriber')
      if (second?.status === 'wait' || second?.status === 'end') await second.connect()
      await listening.subscribe(...named(channels))
    },
    unsubscribe: (channels) => listening.unsubscribe(...named(channels)),
    end() {
      ended = true
      listening.off('message', listener)
      second?.disconnect()
    },
  }
}
