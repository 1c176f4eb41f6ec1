/** A request as any framework has it: of node:http, Express, Connect, Fastify, Koa and Hono (the context), h3 (the event), fetch. */
export type RequestSource = object

type Headers = { get(name: string): string | null } | Record<string, string | string[] | undefined>

/** What the requests of all frameworks have in common; each has a part of it. */
interface Shape {
  headers?: Headers
  socket?: Socket
  raw?: { socket?: Socket }
  /** Of Hono, and of h3 2, whose request knows its address by itself. */
  req?: { raw?: object; headers?: Headers; ip?: unknown }
  /** h3 1. */
  node?: { req?: { socket?: Socket; headers?: Headers } }
  env?: unknown
}

interface Socket {
  remoteAddress?: string | undefined
}

/** What runtimes hand to a fetch handler beside the request. */
interface Connection {
  /** Deno; of a Unix socket it has no hostname. */
  remoteAddr?: { hostname?: string } | null
  /** Bun. */
  requestIP?(request: object): { address?: string } | null
  /** Hono on Bun, where its environment holds more than the server. */
  server?: Connection | null
  /** Hono on Node. */
  incoming?: { socket?: Socket }
}

/** The address at the other end of the connection, when it is known; it may have a port. */
export function connectionAddress(source: RequestSource, connection?: unknown): string | undefined {
  if (typeof connection === 'string') return connection
  const { socket, raw, req, node, env } = source as Shape
  const ofH3 = node?.req?.socket?.remoteAddress ?? req?.ip
  const own = socket?.remoteAddress ?? raw?.socket?.remoteAddress ?? ofH3
  if (typeof own === 'string') return own
  const told = (connection ?? env) as Connection | undefined
  if (typeof told !== 'object' || told === null) return undefined
  const bun = typeof told.requestIP === 'function' ? told : told.server
  const address =
    told.incoming?.socket?.remoteAddress ??
    told.remoteAddr?.hostname ??
    (typeof bun?.requestIP === 'function' ? bun.requestIP(req?.raw ?? source)?.address : undefined)
  return typeof address === 'string' ? address : undefined
}

/** A header by its name in lower case; several of them as one list. */
export function readHeader(source: RequestSource, name: string): string | undefined {
  const { headers, req, node } = source as Shape
  const own =
    headers ?? (req?.raw as Shape | undefined)?.headers ?? req?.headers ?? node?.req?.headers
  if (own === undefined) return undefined
  if (typeof own.get === 'function') return own.get(name) ?? undefined
  const value = (own as Record<string, string | string[] | undefined>)[name]
  return Array.isArray(value) ? value.join(', ') : value
}
