// What the examples over Redis begin with.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The Redis that there is, or one of our own for as long as it is used. */
export async function findRedis(): Promise<({ url: string } & AsyncDisposable) | undefined> {
  if (process.env['REDIS_URL']) {
    return { url: process.env['REDIS_URL'], [Symbol.asyncDispose]: async () => {} }
  }
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'aioflux-example-'))
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', dir]
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const end = async () => {
    const ended = server.exitCode === null && server.pid !== undefined && once(server, 'exit')
    server.kill()
    await ended
    rmSync(dir, { recursive: true, force: true })
  }
  const started = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.once('exit', () => resolve(false))
    server.stdout.on('data', (text) => {
      if (String(text).includes('Ready to accept connections')) resolve(true)
    })
  })
  if (started) return { url: `redis://127.0.0.1:${port}`, [Symbol.asyncDispose]: end }
  await end()
  return undefined
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  return port
}
