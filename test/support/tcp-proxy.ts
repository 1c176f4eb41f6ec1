import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePort } from './free-port.ts'

export interface ProxyOptions {
  /** Decides about lost replies; give a seeded one to repeat a run. @default Math.random */
  random?: () => number
}

/** A bad network between a client and a server on this machine. Healthy until told otherwise. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number
  /** `redis://` and where it listens. */
  readonly url: string
  /** Clients connected at the moment. */
  readonly connections: number
  /** Chunks of replies that were not passed on so far. */
  readonly lost: number
  /** Adds so much to every round trip, half of it each way. */
  latency(ms: number): void
  /**
   * Accepts, swallows and never answers; the server sees nothing. Switched off, connections that lost something are
   * reset, as by a machine that came back and does not know them.
   */
  blackhole(on: boolean): void
  /**
   * The server executes, its reply gets lost. `true`: every reply, in silence, and switched off, connections that lost one
   * are reset. A probability: each chunk of replies, and its connection is reset at once, since a stream with a hole
   * would hand a reply to the wrong command, which TCP never does.
   */
  dropReplies(on: boolean | number): void
  /** Resets all connections. New ones are welcome. */
  cut(): void
  /** New connections meet ECONNREFUSED; those that exist live on, unless they are {@link cut}. */
  refuse(on: boolean): Promise<void>
  close(): Promise<void>
}

interface Link {
  /** Set when bytes were lost: what follows them is worthless. */
  torn: boolean
  reset(): void
}

export async function proxy(targetPort: number, options: ProxyOptions = {}): Promise<TcpProxy> {
  const random = options.random ?? Math.random
  const links = new Set<Link>()
  let delay = 0
  let black = false
  let drop: boolean | number = false
  let lost = 0
  let server: Server | undefined

  const accept = (client: Socket) => {
    const target = connect({ host: '127.0.0.1', port: targetPort, noDelay: true })
    client.setNoDelay(true)
    const link: Link = {
      torn: false,
      reset() {
        links.delete(link)
        client.resetAndDestroy()
        target.destroy()
      },
    }
    links.add(link)
    for (const socket of [client, target]) socket.on('error', link.reset).on('close', link.reset)
    const ask = lane(target, () => delay / 2)
    const answer = lane(client, () => delay / 2)
    client.on('data', (bytes) => {
      if (black) link.torn = true
      if (!link.torn) ask(bytes)
    })
    target.on('data', (bytes) => {
      const unlucky = typeof drop === 'number' && random() < drop
      if (black || drop === true || unlucky || link.torn) {
        link.torn = true
        lost += 1
        if (unlucky) link.reset()
      } else answer(bytes)
    })
  }
  const heal = () => {
    for (const link of links) if (link.torn) link.reset()
  }
  const cut = () => {
    for (const link of links) link.reset()
  }
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      const opening = createServer(accept)
      opening.once('error', reject)
      opening.listen(port, '127.0.0.1', () => {
        server = opening
        resolve()
      })
    })
  // Resolves at once: a server that is closed refuses from now on, and the links it accepted live on without it.
  const deaf = () => {
    server?.close()
    server = undefined
  }

  let port = await freePort()
  for (let attempt = 1; server === undefined; attempt++) {
    try {
      await listen(port)
    } catch (error) {
      if (attempt === 3) throw error
      port = await freePort()
    }
  }
  const close = async () => {
    deaf()
    cut()
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get connections() {
      return links.size
    },
    get lost() {
      return lost
    },
    latency(ms) {
      delay = ms
    },
    blackhole(on) {
      black = on
      if (!on) heal()
    },
    dropReplies(on) {
      drop = on
      if (on === false) heal()
    },
    cut,
    async refuse(on) {
      if (on) deaf()
      else if (server === undefined) await listen(port)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Writes to `socket` after a delay which may change at any time, in the order in which it was asked to. */
function lane(socket: Socket, delay: () => number): (bytes: Buffer) => void {
  const waiting: { bytes: Buffer; due: number }[] = []
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    timer = undefined
    const now = performance.now()
    while (waiting[0] !== undefined && waiting[0].due <= now) socket.write(waiting.shift()!.bytes)
    if (waiting[0] !== undefined) timer = setTimeout(flush, Math.ceil(waiting[0].due - now))
  }
  socket.on('close', () => {
    clearTimeout(timer)
    waiting.length = 0
  })
  return (bytes) => {
    if (socket.destroyed) return
    const ms = delay()
    if (ms <= 0 && waiting.length === 0) {
      socket.write(bytes)
      return
    }
    waiting.push({ bytes, due: performance.now() + ms })
    timer ??= setTimeout(flush, ms)
  }
}
