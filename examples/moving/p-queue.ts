// The same work with p-queue and with aioflux.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region before
import PQueue from 'p-queue'
// #endregion
// #region after
import { LimiterFactory, QueueFactory } from 'aioflux'
// #endregion

const load = async (id: number) => `user ${id}`

{
  // #region before
  const queue = new PQueue({ concurrency: 2, interval: 100, intervalCap: 4, timeout: 5000 })

  const urgent = queue.add(() => load(1), { priority: 10 })
  const users = queue.addAll([2, 3].map((id) => () => load(id)))
  await queue.onIdle()
  // #endregion
  console.log(await urgent, await users) // => user 1 [ 'user 2', 'user 3' ]
}

{
  // #region after
  const queue = QueueFactory.priority<() => unknown, string>({
    workers: 2,
    limiter: LimiterFactory.fixedWindow({ rate: 4, per: '100ms' }),
    timeout: '5s',
    maxSize: Infinity,
  }).start()

  const urgent = queue.submit(() => load(1), { priority: 10 })
  const users = Promise.all([2, 3].map((id) => queue.submit(() => load(id))))
  await queue.onIdle()
  // #endregion
  console.log(await urgent, await users) // => user 1 [ 'user 2', 'user 3' ]
  console.log((await queue.stop()).completed) // => 3
}
