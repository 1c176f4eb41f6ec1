// npm run bench [part ...] [-- --node 24]: every part, or those named; under the Node that runs this, or a major version of it
// from npm.
import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const parts = {
  limiters: async () => (await import('./limiters.mjs')).limiters(),
  memory: async () => (await import('./memory.mjs')).memory(),
  redis: async () => (await import('./redis.mjs')).redis(),
  hybrid: async () => (await import('./hybrid.mjs')).hybrid(),
  locks: async () => (await import('./locks.mjs')).locks(),
  queues: () => program('queues.mjs'),
  'durable-queue': () => program('durable-queue.mjs'),
  breaker: () => program('breaker.mjs'),
  http: () => program('http.mjs'),
  metrics: () => program('metrics.mjs'),
  replay: () => program('replay.mjs'),
}

const wanted = process.argv.slice(2)
const flag = wanted.indexOf('--node')
if (flag !== -1) {
  const [, version] = wanted.splice(flag, 2)
  if (!/^\d+$/.test(version ?? '')) {
    console.error(`--node takes a major version, as in --node 24, got ${version}`)
    process.exit(2)
  }
  const args = [
    'exec',
    '--yes',
    `--package=node@${version}`,
    '--',
    'node',
    '-p',
    'process.execPath',
  ]
  const node = execFileSync('npm', args, { encoding: 'utf8' }).trim()
  const again = spawnSync(node, ['--expose-gc', fileURLToPath(import.meta.url), ...wanted], {
    stdio: 'inherit',
  })
  process.exit(again.status ?? 1)
}
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
