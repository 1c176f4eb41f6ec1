import { OptionTypeError } from '../core/errors.ts'
import type { RedisClientLike } from './client.ts'
import { socketEnd } from './socket-end.ts'

/** A connection of our own, on which a write can wait for replicas without holding up what others send. */
interface Second {
  /** Writes to `key`, and answers how many replicas have that within `ms`. Both go over one connection, or it rejects. */
  confirm(key: string, replicas: number, ms: number): Promise<number>
  end(): void
}

interface Batch {
  key: string
  replicas: number
  readonly done: Promise<number>
  readonly resolve: (count: number) => void
  readonly reject: (error: unknown) => void
}

/**
 * Tells how many replicas have what was written before, over whichever connection: replicas get all writes of a server in their
 * order, so a later write that they have speaks for the earlier ones. Who asks while an answer is under way shares the next one.
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

  confirm(key: string, replicas: number): Promise<number> {
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
    const done = new Promise<number>((yes, no) => {
      resolve = yes
      reject = no
    })
    this.#next = { key, replicas: 0, done, resolve, reject }
    return this.#next
  }

  async #go(): Promise<void> {
    this.#busy = true
    // What is asked in one turn of the event loop is asked together.
    await Promise.resolve()
    while (this.#next !== undefined) {
      const { key, replicas, resolve, reject } = this.#next
      this.#next = undefined
      try {
        this.#second ??= this.#open()
        resolve(await (await this.#second).confirm(key, replicas, this.#patience))
      } catch (error) {
        // The next one opens another connection.
        this.close()
        this.#second = undefined
        reject(error)
      }
    }
    this.#busy = false
  }
}

// What both libraries' clients have for this, as far as it is needed here.
interface NodeRedis {
  readonly options?: { readonly socket?: object }
  duplicate(override?: object): NodeRedis
  on(event: string, listener: () => void): unknown
  connect(): Promise<unknown>
  destroy(): void
  unref?(): void
  hSet(key: string, field: string, value: string): Promise<unknown>
  wait(replicas: number, ms: number): Promise<number>
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

async function secondOf(client: RedisClientLike): Promise<Second> {
  if (typeof (client as { duplicate?: unknown }).duplicate !== 'function') {
    throw new OptionTypeError(
      'minReplicas',
      'minReplicas needs a second connection: give a client that can be duplicated, or a url',
    )
  }
  return 'evalSha' in client
    ? nodeRedisSecond(client as unknown as NodeRedis)
    : ioredisSecond(client as unknown as Ioredis)
}

async function nodeRedisSecond(given: NodeRedis): Promise<Second> {
  const { signal, end } = socketEnd()
  const single = typeof given.unref === 'function'
  // What a lost connection did not answer must fail: a WAIT on a new one would speak of nothing.
  const client = single
    ? given.duplicate({
        disableOfflineQueue: true,
        socket: { ...given.options?.socket, signal },
      })
    : given.duplicate()
  client.on('error', () => {})
  await client.connect()
  client.unref?.()
  const ask = async (on: NodeRedis, key: string, replicas: number, ms: number) => {
    const [, count] = await Promise.all([
      on.hSet(key, 'confirmed', String(Date.now())),
      on.wait(replicas, ms),
    ])
    return count
  }
  return {
    confirm: (key, replicas, ms) =>
      client.use === undefined
        ? ask(client, key, replicas, ms)
        : client.use((lease) => ask(lease, key, replicas, ms)),
    end: () => (single ? end(client as never) : client.destroy()),
  }
}

async function ioredisSecond(given: Ioredis): Promise<Second> {
  const client = given.duplicate({
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: false,
  })
  client.on('error', () => {})
  client.on('connect', () => client.stream?.unref?.())
  await client.connect()
  return {
    async confirm(key, replicas, ms) {
      const pipeline = client.pipeline()
      pipeline.hset(key, 'confirmed', String(Date.now()))
      pipeline.call('WAIT', String(replicas), String(ms))
      const replies = await pipeline.exec()
      for (const [error] of replies ?? []) if (error !== null) throw error
      return Number(replies?.[1]?.[1])
    },
    end: () => client.disconnect(),
  }
}
