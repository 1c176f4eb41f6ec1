import type { HeaderAccess } from './write-fields.ts'

/** What is needed of a request of node:http, and of the frameworks built on it. */
export interface NodeRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Record<string, string | string[] | undefined>
  readonly socket: { readonly remoteAddress?: string | undefined }
}

/** What is needed of a response of node:http. */
export interface NodeResponse {
  statusCode: number
  readonly headersSent: boolean
  readonly destroyed: boolean
  getHeader(name: string): number | string | string[] | undefined
  setHeader(name: string, value: string): unknown
  end(body?: string): unknown
  once(event: 'close', listener: () => void): unknown
}

export const nodeHeaders: HeaderAccess<NodeResponse> = {
  read: (response, name) => {
    const value = response.getHeader(name)
    return Array.isArray(value) ? value.join(', ') : value?.toString()
  },
  write: (response, name, value) => {
    if (!response.headersSent) response.setHeader(name, value)
  },
}
