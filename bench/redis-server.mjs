// A redis-server of the benchmark's own on a free port: without any other load, and it keeps nothing.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export async function startRedis() {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'aioflux-bench-'))
  const args = ['--port', port, '--save', '', '--appendonly', 'no', '--dir', dir]
  const server = spawn('redis-server', args, { stdio: 'ignore' })
  const kill = () => server.kill()
  process.once('exit', kill)
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    stop() {
      process.off('exit', kill)
      kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}
