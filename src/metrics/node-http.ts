import { OptionTypeError } from '../core/errors.ts'

/** The part of a request of node:http, and of frameworks built on it, that is used. */
export interface ScrapeRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: { readonly accept?: string | undefined }
}

/** The part of a response of node:http that is used. */
export interface ScrapeResponse {
  readonly destroyed: boolean
  writeHead(status: number, headers: Record<string, string>): unknown
  write(text: string): boolean
  end(text?: string): unknown
  destroy(): unknown
  on(event: 'drain' | 'close', listener: () => void): unknown
  off(event: 'drain' | 'close', listener: () => void): unknown
}

/** The part of a server of node:http that is used. */
export interface Server {
  once(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
  listen(port: number, host: string, listening: () => void): unknown
  address(): { readonly port: number } | string | null
  unref(): unknown
  close(closed: () => void): unknown
  closeAllConnections(): unknown
}

interface NodeHttp {
  createServer(listener: (request: ScrapeRequest, response: ScrapeResponse) => void): Server
}

/**
 * node:http, asked for when it is needed and not imported: a bundle for browsers or for the edge would fail on an import,
 * also where the program starts no server.
 *
 * @throws OptionTypeError on runtimes that have none
 */
export function nodeHttp(): NodeHttp {
  const { process } = globalThis as {
    process?: { getBuiltinModule?(name: string): NodeHttp | undefined }
  }
  const http = process?.getBuiltinModule?.('node:http')
  if (http === undefined) {
    throw new OptionTypeError(
      'port',
      'port needs node:http for a server of its own, and this runtime has none: use fetch or handler',
    )
  }
  return http
}
