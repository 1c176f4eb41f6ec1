// Work that needs the processor, on real threads. Run it: npx tsx examples/02-threads.ts (needs the package piscina)
// #region threads
import { WorkerPool } from 'aioflux'
import { Piscina } from 'piscina'

const threads = new Piscina({
  filename: new URL('02-threads-worker.mjs', import.meta.url).href,
  maxThreads: 2,
})

// The pool brings the line, retries and the report; piscina brings the threads.
await using pool = new WorkerPool({ minWorkers: 2, maxWorkers: 2, executor: threads }).start()
const results = await Promise.all(
  [25, 26, 27].map((n) => pool.run<number>(n, { name: 'fibonacci' })),
)
console.log(results.join(', ')) // => 75025, 121393, 196418
// #endregion
await pool.stop()
await threads.destroy()
