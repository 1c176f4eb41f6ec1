// Requests a second of an app that is guarded, beside the same app guarded by its framework's own limiter and the bare one.
// Each app is a process of its own; rounds are interleaved. Run: npm run build && node bench/http.mjs [express | fastify]
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { median } from './harness.mjs'

const SECONDS = 0.7
const ROUNDS = 11
// Requests in a row on a connection: less time goes to sockets, and more of it to what is compared.
const PIPELINING = 10

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
  const costs = names.map(() => [])
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, { url, cpu }] of apps.entries()) {
      const before = await cpu()
      const { requests, errors, duration } = await autocannon({
        url,
        connections: 20,
        pipelining: PIPELINING,
        duration: SECONDS,
      })
      if (errors > 0) throw new Error(`${errors} errors from ${names[i]}`)
      if (round < 0) continue // the first round warms up
      rates[i].push(requests.total / duration)
      costs[i].push(((await cpu()) - before) / requests.total)
    }
  }
  for (const { child } of apps) child.kill()
  console.log(`\n${framework}, requests that are ${state}`)
  for (const [i, name] of names.entries()) {
    const ratio = median(rates[0].map((rate, round) => rate / rates[i][round]))
    const against = i === 0 ? '' : `aioflux serves ${ratio.toFixed(2)} x as many`
    const rate = Math.round(median(rates[i])).toString().padStart(6)
    const cost = median(costs[i]).toFixed(1).padStart(6)
    console.log(`  ${name.padEnd(20)} ${rate} /s ${cost} us of CPU each   ${against}`)
  }
}

async function start(framework, guard, state) {
  const path = fileURLToPath(new URL('http-server.mjs', import.meta.url))
  const child = fork(path, [framework, guard, state])
  const port = await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`${framework} ${guard} ended with ${code}`)))
  })
  /** Microseconds of CPU that the app has used. */
  const cpu = () =>
    new Promise((resolve) => {
      child.once('message', resolve)
      child.send('cpu')
    })
  return { child, cpu, url: `http://127.0.0.1:${port}` }
}
