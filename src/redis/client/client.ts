import { mustLie, text } from '../../core/check.ts'
import { ClosedError, describe, isAioFluxError, OptionTypeError } from '../../core/errors.ts'
import type { IoredisLike, NodeRedisLike, RedisClientLike } from './client-like.ts'
import { onceOnly } from './once-only.ts'
import { socketEnd } from './socket-end.ts'
import { type Ears, type Subscriber, subscriberOf } from './subscriber.ts'

/** The few calls that all of aioflux/redis is built on, the same for every client. */
export interface RedisPort {
  /** True when the keys of one call have to lie in one slot. */
  readonly cluster: boolean
  evalsha(sha: string, keys: string[], args: string[]): Promise<unknown>
  eval(script: string, keys: string[], args: string[]): Promise<unknown>
  /** The client itself. */
  readonly client: RedisClientLike
  /** A connection that listens, where the client can have one. */
  listen(ears: Ears): Subscriber | undefined
  /** The masters of a Cluster, one by one. */
  masters(): Promise<RedisPort[]>
}

/** How the Cluster clients of both libraries give access to the masters. */
interface ClusterOfNodeRedis<Node> {
  readonly masters: readonly Node[]
  nodeClient(node: Node): Promise<RedisClientLike>
}
interface ClusterOfIoredis {
  nodes(role: 'master'): RedisClientLike[]
}

/** The port over a client. */
export function portOf(client: RedisClientLike): RedisPort {
  if (typeof client === 'object' && client !== null) {
    if ('evalSha' in client) return nodeRedisPort(client)
    if ('evalsha' in client) return ioredisPort(client)
  }
  throw new OptionTypeError(
    'client',
    `client must be a client of node-redis or of ioredis, got ${describe(client)}`,
  )
}

/**
 * Checks the option `url`. The libraries also take other texts (a host without a protocol, the path of a socket), but not the same ones, so these are refused.
 *
 * @throws OptionTypeError | OptionRangeError where it is no text, the protocol is not that of Redis, no host is named, or it is no url
 */
export function checkUrl(name: string, url: string): void {
  text(name, url)
  const what = 'begin with redis:// or rediss://'
  const [, protocol, rest = ''] = /^([a-z][a-z\d+.-]*):\/\/(.*)$/is.exec(url) ?? []
  // The message shows only a part of the url: there may be a password before the @.
  if (protocol === undefined) mustLie(false, name, what, url.replace(/^.*@/s, '...@'))
  const shown = `${protocol}://`
  mustLie(/^rediss?$/i.test(String(protocol)), name, what, shown)
  const [authority = ''] = rest.split(/[/?#]/, 1)
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  // Without a host, clients would connect to this machine.
  mustLie(host !== '' && !host.startsWith(':'), name, 'name a host', shown)
  mustLie(
    URL.canParse(url),
    name,
    'be a url that can be read',
    `${shown}${rest.replace(/^.*@/s, '...@')}`,
  )
}

/** The way to a server. */
export interface Connection {
  /** The port; `undefined` while it is not connected. */
  readonly ready: RedisPort | undefined
  /** The port, as soon as it is connected. */
  port(): Promise<RedisPort>
  /** Why there is no connection, as far as is known. */
  readonly failure: unknown
  close(): void
}

/** The connection of a client that the user gave: the user closes it. */
export class GivenConnection implements Connection {
  readonly ready: RedisPort
  readonly failure: undefined
  readonly #port: Promise<RedisPort>

  constructor(client: RedisClientLike) {
    this.ready = portOf(client)
    this.#port = Promise.resolve(this.ready)
  }

  port(): Promise<RedisPort> {
    return this.#port
  }

  close(): void {}
}

/** A connection of our own, with node-redis or, where only that is installed, ioredis. */
export class OwnConnection implements Connection {
  readonly ready: undefined
  readonly #url: string
  readonly #tell: (text: string, error: unknown) => void
  #port: Promise<RedisPort> | undefined
  #end: () => void = () => {}
  #closed = false
  #told = false
  /** Why there is no connection, as far as is known. */
  failure: unknown

  /** @param tell is called with the first failure; writes to the console unless given */
  constructor(url: string, tell: (text: string, error: unknown) => void = tellConsole) {
    this.#url = url
    this.#tell = tell
  }

  /** The port, as soon as it is connected. A failure rejects the calls that wait for it; the next call tries again. */
  port(): Promise<RedisPort> {
    if (this.#port === undefined) {
      this.#port = this.#connect()
      this.#port.catch((error) => {
        this.#port = undefined
        this.#failed(error)
      })
    }
    return this.#port
  }

  /** Ends the connection, or the attempt to connect. No other connection is opened after that. */
  close(): void {
    this.#closed = true
    this.#end()
  }

  async #connect(): Promise<RedisPort> {
    const nodeRedis = await load('redis')
    const ioredis = nodeRedis === undefined ? await load('ioredis') : undefined
    // It may have been closed while the library was loaded.
    if (this.#closed) throw new ClosedError('the connection to Redis')
    if (nodeRedis !== undefined) return this.#byNodeRedis(nodeRedis)
    if (ioredis !== undefined) return this.#byIoredis(ioredis)
    throw new OptionTypeError(
      'url',
      'url needs a client: install redis or ioredis, or give a client of one of them',
    )
  }

  // biome-ignore lint/suspicious/noExplicitAny: an optional library, used through the few calls below.
  async #byNodeRedis(library: any): Promise<RedisPort> {
    const { signal, end } = socketEnd()
    const client = library.createClient({
      url: this.#url,
      disableOfflineQueue: true,
      socket: { signal },
    })
    // A client without a listener ends the process on its first lost connection.
    client.on('error', (error: unknown) => this.#failed(error))
    client.on('ready', () => this.#succeeded())
    this.#end = () => end(client)
    await client.connect()
    return portOf(client)
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above.
  async #byIoredis(library: any): Promise<RedisPort> {
    const client = new library.Redis(this.#url, { lazyConnect: true, enableOfflineQueue: false })
    client.on('error', (error: unknown) => this.#failed(error))
    client.on('ready', () => this.#succeeded())
    this.#end = () => client.disconnect()
    try {
      await client.connect()
    } catch (error) {
      // Without this the client would go on connecting by itself, beside the next attempt.
      client.disconnect()
      throw error
    }
    return portOf(client)
  }

  #succeeded(): void {
    this.failure = undefined
    // The url was right, so a later loss is an outage: the storage reports that.
    this.#told = true
  }

  /** Writes the first failure to the console: limits go on without the storage, and nobody may look at their errors. */
  #failed(error: unknown): void {
    // A connection that ends because we closed it is no failure.
    if (this.#closed) return
    this.failure = error
    if (this.#told || isAioFluxError(error)) return
    this.#told = true
    this.#tell(
      `aioflux: Redis cannot be reached at ${serverOf(this.#url)}, is the url right?`,
      error,
    )
  }
}

function tellConsole(text: string, error: unknown): void {
  console.error(text, error)
}

/** The server of a url, without the name and the password that may stand in it. */
export function serverOf(url: string): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}

function nodeRedisPort(given: NodeRedisLike): RedisPort {
  const with_ = given as { withCommandOptions?: (options: object) => NodeRedisLike }
  // The timeout of node-redis costs a signal per command and bounds only the time until the command is sent; the deadline of the
  // storage bounds the whole call.
  const client = with_.withCommandOptions?.({ timeout: undefined }) ?? given
  return {
    client: given,
    cluster:
      'slots' in given || 'nodeByReplicaId' in given || given.constructor.name.includes('Cluster'),
    evalsha: (sha, keys, args) => client.evalSha(sha, { keys, arguments: args }),
    eval: (script, keys, args) => client.eval(script, { keys, arguments: args }),
    listen: (ears) => subscriberOf(given, ears),
    async masters() {
      const { masters, nodeClient } = given as unknown as ClusterOfNodeRedis<unknown>
      const clients = await Promise.all(masters.map((node) => nodeClient.call(given, node)))
      return clients.map(portOf)
    },
  }
}

function ioredisPort(given: IoredisLike): RedisPort {
  const client = onceOnly(given)
  return {
    client: given,
    cluster: (given as { isCluster?: boolean }).isCluster === true,
    evalsha: (sha, keys, args) => client.evalsha(sha, keys.length, ...keys, ...args),
    eval: (script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
    listen: (ears) => subscriberOf(given, ears),
    masters: async () => (given as unknown as ClusterOfIoredis).nodes('master').map(portOf),
  }
}

/** A library that may not be installed: then `undefined`. */
// biome-ignore lint/suspicious/noExplicitAny: optional libraries, used through the few calls above.
export async function load(name: string): Promise<any> {
  try {
    return await import(name)
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}
