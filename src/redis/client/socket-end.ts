/** Ends a client of node-redis for good. */
export interface SocketEnd {
  /** The option `signal` for the socket of the client. */
  readonly signal: AbortSignal
  end(client: { readonly isOpen: boolean; destroy(): void }): void
}

type Listener = Parameters<AbortSignal['addEventListener']>[1]

/** How many listeners the sockets of one client may have: two for each socket, and the old socket may still be there when the next one is made. */
const LISTENERS = 4

/**
 * Ends a client of node-redis also while it connects. Its `destroy` does not reach a socket that is not connected yet, which then lives
 * on and keeps the process. Node's sockets take a signal, and node-redis hands them all options of its `socket`.
 */
export function socketEnd(): SocketEnd {
  const controller = new AbortController()
  forgetOldListeners(controller.signal)
  return {
    signal: controller.signal,
    end(client) {
      // In this order: a client that is not open takes the loss of its socket for the end, and connects no more.
      if (client.isOpen) client.destroy()
      controller.abort()
    },
  }
}

/** Node leaves a listener behind for each socket, and by it the socket: a client that connects again and again would keep them all. */
function forgetOldListeners(signal: AbortSignal): void {
  const listeners: Listener[] = []
  const add = signal.addEventListener
  signal.addEventListener = (type: string, listener: Listener, options?: object) => {
    listeners.push(listener)
    if (listeners.length > LISTENERS) {
      signal.removeEventListener(type, listeners.shift() as Listener)
    }
    add.call(signal, type, listener, options)
  }
}
