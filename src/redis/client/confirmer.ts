import { within } from '../../core/deadline.ts'
import { OptionTypeError } from '../../core/errors.ts'
import type { RedisClientLike } from './client-like.ts'
import { socketEnd } from './socket-end.ts'

/** How many replicas have what was written to a server, and the id of the history of its data: a replica that becomes a master begins a new history. */
export interface Confirmed {
  readonly replicas: number
  /** '' where it is not known. */
  readonly history: string
}

/** A connection of our own, on which a write can wait for replicas without holding up what others send. */
interface Second {
  /** Connects, writes to `key`, and answers how many replicas have that write within `ms`. Rejects when the connection is lost in between. */
  confirm(key: string, replicas: number, ms: number): Promise<Confirmed>
  end(): void
}

interface Batch {
  key: string
  replicas: number
  readonly done: Promise<Confirmed>
  readonly resolve: (confirmed: Confirmed) => void
  readonly reject: (error: unknown) => void
}

/**
 * Tells how many replicas have all writes so far, over whichever connection. Replicas get the writes of a server in order, so a later
 * write that a replica has proves the earlier ones. This holds while the server is the same, which its history tells.
 * Callers that ask while an answer is under way share the next answer.
 */
export class Confirmer {
  readonly #open: () => Promise<Second>
  readonly #patience: number
  #second: Promise<Second> | undefined
  #next: Batch | undefined
  #busy = false

  /** @param patience how long a write may wait, in milliseconds */
  constructor(client: () => Promise<RedisClientLike>, patience: number) {
    this.#open = async () => secondOf(await client())
    this.#patience = Math.max(1, Math.floor(patience))
  }

  confirm(key: string, replicas: number): Promise<Confirmed> {
    const next = this.#next ?? this.#batch(key)
    next.replicas = Math.max(next.replicas, replicas)
    if (!this.#busy) void this.#go()
    return next.done
  }

  close(): void {
    this.#second?.then(
      (second) => second.end(),
      () => {},
    )
  }

  #batch(key: string): Batch {
    let resolve: Batch['resolve'] = () => {}
    let reject: Batch['reject'] = () => {}
    const done = new Promise<Confirmed>((yes, no) => {
      resolve = yes
      reject = no
    })
    this.#next = { key, replicas: 0, done, resolve, reject }
    return this.#next
  }

  async #go(): Promise<void> {
    this.#busy = true
    // All calls of one turn of the event loop share one question.
    await Promise.resolve()
    while (this.#next !== undefined) {
      const { key, replicas, resolve, reject } = this.#next
      this.#next = undefined
      try {
        this.#second ??= this.#open()
        const answer = this.#second.then((second) => second.confirm(key, replicas, this.#patience))
        // A connection that cannot be opened, or answers too late, is given up.
        resolve(await within(2 * this.#patience, answer))
      } catch (error) {
        // The next call opens another connection.
        this.close()
        this.#second = undefined
        reject(error)
      }
    }
    this.#busy = false
  }
}

// The methods of both libraries that are needed here.
interface NodeRedis {
  readonly options?: { readonly socket?: object }
  duplicate(override?: object): NodeRedis
  on(event: string, listener: () => void): unknown
  connect(): Promise<unknown>
  destroy(): void
  unref?(): void
  hSet(key: string, field: string, value: string): Promise<unknown>
  wait(replicas: number, ms: number): Promise<number>
  info(section: string): Promise<string>
  /** Of a Sentinel: calls over one connection to the master. */
  use?<R>(fn: (client: NodeRedis) => Promise<R>): Promise<R>
}

interface Ioredis {
  readonly stream?: { unref?(): void }
  duplicate(override: object): Ioredis
  on(event: string, listener: () => void): unknown
  connect(): Promise<unknown>
  disconnect(): void
  pipeline(): {
    hset(key: string, field: string, value: string): unknown
    call(...command: string[]): unknown
    exec(): Promise<[error: Error | null, reply: unknown][] | null>
  }
}

function secondOf(client: RedisClientLike): Second {
  if (typeof (client as { duplicate?: unknown }).duplicate !== 'function') {
    throw new OptionTypeError(
      'minReplicas',
      'minReplicas needs a second connection: give RedisStorage a client that can be duplicated, or a url',
    )
  }
  return 'evalSha' in client
    ? nodeRedisSecond(client as unknown as NodeRedis)
    : ioredisSecond(client as unknown as Ioredis)
}

function nodeRedisSecond(given: NodeRedis): Second {
  const { signal, end } = socketEnd()
  const single = typeof given.unref === 'function'
  // A command without an answer must fail with its connection: WAIT counts the replicas of the writes of its own connection only.
  const client = single
    ? given.duplicate({
        disableOfflineQueue: true,
        socket: { ...given.options?.socket, signal },
      })
    : given.duplicate()
  client.on('error', () => {})
  const connected = client.connect().then(() => client.unref?.())
  connected.catch(() => {})
  const ask = async (on: NodeRedis, key: string, replicas: number, ms: number) => {
    const [, count, info] = await Promise.all([
      on.hSet(key, 'confirmed', String(Date.now())),
      on.wait(replicas, ms),
      on.info('replication').catch(() => ''),
    ])
    return { replicas: count, history: historyOf(info) }
  }
  return {
    async confirm(key, replicas, ms) {
      await connected
      return client.use === undefined
        ? ask(client, key, replicas, ms)
        : client.use((lease) => ask(lease, key, replicas, ms))
    },
    end: () => (single ? end(client as never) : client.destroy()),
  }
}

function ioredisSecond(given: Ioredis): Second {
  const client = given.duplicate({
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: false,
  })
  client.on('error', () => {})
  client.on('connect', () => client.stream?.unref?.())
  const connected = client.connect()
  connected.catch(() => {})
  return {
    async confirm(key, replicas, ms) {
      await connected
      const pipeline = client.pipeline()
      pipeline.hset(key, 'confirmed', String(Date.now()))
      pipeline.call('WAIT', String(replicas), String(ms))
      pipeline.call('INFO', 'replication')
      const [written, waited, info] = (await pipeline.exec()) ?? []
      for (const one of [written, waited]) if (one?.[0]) throw one[0]
      return { replicas: Number(waited?.[1]), history: historyOf(info?.[1]) }
    },
    end: () => client.disconnect(),
  }
}

function historyOf(info: unknown): string {
  return /master_replid:([0-9a-f]+)/.exec(String(info))?.[1] ?? ''
}
