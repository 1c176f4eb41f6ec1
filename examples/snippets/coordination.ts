// What README and docs/coordination.md show.
// biome-ignore-all assist/source/organizeImports: each part has its own.
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
// #endregion
{
  // #region lock
  await using lease = await coordinator.lock('invoice-42', { timeout: '5s' })
  await save('invoice-42', { fence: lease.token, signal: lease.signal }) // the database refuses a smaller fence
  // #endregion
  // => saved
}

// #region lead
await coordinator.lead(async (lease) => {
  while (!lease.signal.aborted && more()) await step(lease.token)
}) // runs in one process of many; when that process stops or dies, another one runs it
// #endregion
// => one step as the leader
await coordinator.close()
