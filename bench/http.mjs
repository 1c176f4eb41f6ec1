// Requests a second of an app that is guarded, beside the same app guarded by its framework's own limiter and the bare one.
// Each app is a process of its own; rounds are interleaved. Run: npm run build && node bench/http.mjs
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { median } from './harness.mjs'

const SECONDS = 1.5
const ROUNDS = 7

const groups = [
  ['express', 'express-rate-limit', 'let through'],
  ['express', 'express-rate-limit', 'denied'],
  ['fastify', '@fastify/rate-limit', 'let through'],
  ['fastify', '@fastify/rate-limit', 'denied'],
].filter(([framework]) => process.argv.length < 3 || process.argv.includes(framework))

for (const [framework, peer, state] of groups) {
  const names = state === 'denied' ? ['aioflux', peer] : ['aioflux', peer, 'bare']
  const apps = await Promise.all(names.map((name) => start(framework, name, state)))
  const rates = names.map(() => [])
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, { url }] of apps.entries()) {
      const { requests, errors } = await autocannon({ url, connections: 50, duration: SECONDS })
      if (errors > 0) throw new Error(`${errors} errors from ${names[i]}`)
      if (round >= 0) rates[i].push(requests.total / SECONDS) // the first round warms up
    }
  }
  for (const { child } of apps) child.kill()
  console.log(`\n${framework}, requests that are ${state}`)
  for (const [i, name] of names.entries()) {
    const ratio = median(rates[0].map((rate, round) => rate / rates[i][round]))
    const against = i === 0 ? '' : `aioflux serves ${ratio.toFixed(2)} x as many`
    console.log(
      `  ${name.padEnd(20)} ${Math.round(median(rates[i])).toString().padStart(6)} /s   ${against}`,
    )
  }
}

async function start(framework, guard, state) {
  const path = fileURLToPath(new URL('http-server.mjs', import.meta.url))
  const child = fork(path, [framework, guard, state])
  const port = await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`${framework} ${guard} ended with ${code}`)))
  })
  return { child, url: `http://127.0.0.1:${port}` }
}
