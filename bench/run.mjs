// npm run bench [part ...]: every part, or those named.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const parts = {
  limiters: async () => (await import('./limiters.mjs')).limiters(),
  memory: async () => (await import('./memory.mjs')).memory(),
  redis: async () => (await import('./redis.mjs')).redis(),
  hybrid: async () => (await import('./hybrid.mjs')).hybrid(),
  locks: async () => (await import('./locks.mjs')).locks(),
  queues: () => program('queues.mjs'),
  breaker: () => program('breaker.mjs'),
  http: () => program('http.mjs'),
  metrics: () => program('metrics.mjs'),
  replay: () => program('replay.mjs'),
}

const wanted = process.argv.slice(2)
for (const name of wanted) {
  if (!(name in parts)) {
    console.error(`no part called '${name}'; there are: ${Object.keys(parts).join(', ')}`)
    process.exit(2)
  }
}
console.log(`node ${process.version}, ${process.arch}`)
for (const [name, run] of Object.entries(parts)) {
  if (wanted.length === 0 || wanted.includes(name)) await run()
}

/** A part that is a program of its own, so that it starts with a heap of its own. */
function program(name) {
  const path = fileURLToPath(new URL(name, import.meta.url))
  spawnSync(process.execPath, ['--expose-gc', path], { stdio: 'inherit' })
}
