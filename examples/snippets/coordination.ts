// What README and docs/coordination.md show.
// biome-ignore-all assist/source/organizeImports: each part has its own.
import { setTimeout as sleep } from 'node:timers/promises'
import { MemoryStorage } from 'aioflux'
// #region lock
import { Coordinator } from 'aioflux'
// #endregion

const storage = new MemoryStorage()
const save = async (_invoice: string, _by: { fence: number; signal: AbortSignal }) =>
  console.log('saved')
let steps = 0
const more = () => steps++ < 1
const step = async (_fence: number) => console.log('one step as the leader')

// #region lock
const coordinator = new Coordinator({ storage, ttl: '10s' }) // a RedisStorage, for many machines

await coordinator.withLock('invoice-42', async (lease) => {
  await save('invoice-42', { fence: lease.token, signal: lease.signal }) // your code: the database refuses a smaller fence
})
// #endregion
// => saved
{
  // #region using
  await using lease = await coordinator.lock('invoice-42', { timeout: '5s' }) // until the end of the block
  await save('invoice-42', { fence: lease.token, signal: lease.signal })
  // #endregion
  // => saved
}

// #region lead
await coordinator.lead(async (lease) => {
  while (!lease.signal.aborted && more()) await step(lease.token)
}) // runs in one process of many; when that process stops or dies, another one runs it
// #endregion
// => one step as the leader

{
  const step = async (_fence: number) => {
    console.log('one step more')
    process.kill(process.pid, 'SIGTERM')
    await sleep(100)
  }
  // #region stop
  const stop = new AbortController()
  process.once('SIGTERM', () => stop.abort())

  try {
    await coordinator.lead(
      async (lease) => {
        while (!lease.signal.aborted) await step(lease.token)
      },
      { signal: stop.signal },
    )
  } catch (error) {
    if (error !== stop.signal.reason) throw error // a candidate that waited is told the reason
  } finally {
    await coordinator.close() // last, when `fn` has ended
  }
  // #endregion
  // => one step more
}
