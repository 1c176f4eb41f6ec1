// One of several processes that share a limit: takes what it can get, in bursts, and writes down when it got it.
import { openSync, writeSync } from 'node:fs'
import { Redis } from 'ioredis'

const [dist, port, file, quota, callers] = process.argv.slice(2)
const { LimiterFactory } = await import(`${dist}/index.js`)
const { HybridStorage } = await import(`${dist}/redis/index.js`)
const { lease, ...bucket } = JSON.parse(quota)
const client = new Redis(Number(port))
client.on('error', () => {})
const storage = new HybridStorage({ redis: client, lease })
const limiter = LimiterFactory.tokenBucket({ ...bucket, storage, scope: 'faults' })
const out = openSync(file, 'a')
const seconds = () => Number(process.hrtime.bigint()) / 1e9
// When it was granted, and how long that had been on its way.
const record = new Float64Array(2)

// Connected, and the code warm, before any answer is waited for.
for (let i = 0; i < 20; i++) await limiter.acquire(`warm-${process.pid}`)

async function call() {
  for (;;) {
    // Quiet for a while, all processes together and by one clock: what was borrowed lies idle, and the bucket refills, but
    // not up to its rim. Then all want it at once.
    while (seconds() % 0.2 < 0.07) await new Promise((resolve) => setTimeout(resolve, 2))
    const asked = seconds()
    if (await limiter.acquire('hot')) {
      record[0] = seconds()
      record[1] = record[0] - asked
      writeSync(out, new Uint8Array(record.buffer))
    } else {
      // As soon as a timer can tell, and not at once: four processes that spin would leave the server no time.
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}
await Promise.all(Array.from({ length: Number(callers) }, call))
