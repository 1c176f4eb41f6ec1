import type { IoredisLike } from './client-like.ts'

const ONCE = Symbol('aioflux.once')

/** Inner fields of ioredis and its Cluster that are needed here. */
interface Insides {
  readonly isCluster?: boolean
  readonly options?: object
  sendCommand(command: Command, ...rest: unknown[]): unknown
  on(event: string, listener: (node: Insides) => void): unknown
  /** Commands without an answer when the connection broke: ioredis sends them again. */
  readonly prevCommandQueue?: Queue | null
  /** Of a Cluster: its connections. */
  nodes?(): Insides[]
}

interface Command {
  reject(error: Error): void
  /** True for a command that must not be sent again. */
  [ONCE]?: true
}

interface Queue {
  readonly length: number
  shift(): { command: Command }
  push(item: { command: Command }): unknown
}

const CLOSED = 'Connection is closed.'

/** The connections where no command of ours is sent again. */
const guarded = new WeakSet<Insides>()

/**
 * The same client, by which nothing is sent twice.
 *
 * By default, ioredis sends commands without an answer again when it has reconnected, and a Cluster does so when a node is gone.
 * But the server may have done such a command: a consume would count twice, and so would a release. There is no option for a single
 * command, and the options of the client belong to its owner. So our commands are taken out of the list that is sent again, and
 * fail at once. For all other commands the client stays as it is.
 */
export function onceOnly(given: IoredisLike): IoredisLike {
  const client = given as IoredisLike & Insides
  if (typeof client.sendCommand !== 'function' || typeof client.on !== 'function') return given
  const known = guarded.has(client)
  guard(client)
  if (!known && typeof client.nodes === 'function') {
    for (const node of client.nodes()) guard(node)
    client.on('+node', guard)
  }
  return Object.create(client, {
    // ioredis sends a pipeline again as a whole, with our commands in it. Ours need no pipeline: they are gathered before.
    options: {
      value: Object.create(client.options ?? null, { enableAutoPipelining: { value: false } }),
    },
    sendCommand: {
      value(command: Command, ...rest: unknown[]) {
        command[ONCE] = true
        if (!client.isCluster) return client.sendCommand(command, ...rest)
        const fail = command.reject
        const promise = client.sendCommand(command, ...rest)
        // In its `reject`, a Cluster follows MOVED and ASK. It would also send commands of a lost connection again, and repeat a
        // command while a slot moves (TRYAGAIN) until our deadline: these two errors go to the caller at once.
        const follow = command.reject
        command.reject = (error) => {
          const ended = error.message === CLOSED || error.message.startsWith('TRYAGAIN')
          ;(ended ? fail : follow).call(command, error)
        }
        return promise
      },
    },
  })
}

function guard(connection: Insides): void {
  if (guarded.has(connection)) return
  guarded.add(connection)
  connection.on('close', () => {
    const queue = connection.prevCommandQueue
    for (let left = queue?.length ?? 0; left > 0; left--) {
      const item = (queue as Queue).shift()
      if (item.command[ONCE]) item.command.reject(new Error(CLOSED))
      else (queue as Queue).push(item)
    }
  })
}
