/** What ends a client of node-redis for good. */
export interface SocketEnd {
  /** To be made an option of the client's socket. */
  readonly signal: AbortSignal
  end(client: { readonly isOpen: boolean; destroy(): void }): void
}

/**
 * Ends a client of node-redis also while it connects. Its `destroy` does not reach a socket that is not connected yet, which then lives
 * on and keeps the process. Node's sockets take a signal, and node-redis hands them all options of its `socket`.
 */
export function socketEnd(): SocketEnd {
  const controller = new AbortController()
  return {
    signal: controller.signal,
    end(client) {
      // In this order: a client that is not open takes the loss of its socket for the end, and connects no more.
      if (client.isOpen) client.destroy()
      controller.abort()
    },
  }
}
