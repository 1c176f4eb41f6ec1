import { createServer } from 'node:net'

/**
 * A port of 127.0.0.1 that nobody listens on, below 32768. The system's own choice (port 0) lies in the range of
 * outgoing connections: a client that retries a stopped server there can meet its own socket, be connected to
 * itself, and keep the server from coming back.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = 12_000 + Math.floor(Math.random() * 20_000)
    if (await isFree(port)) return port
  }
  throw new Error('no free port between 12000 and 32000')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
