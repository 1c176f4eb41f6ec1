// The same work with bottleneck and with aioflux.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region before
import Bottleneck from 'bottleneck'
// #endregion
// #region after
import { LimiterFactory, QueueFactory } from 'aioflux'
// #endregion

const load = async (id: number) => `user ${id}`

{
  // #region before
  const limiter = new Bottleneck({ maxConcurrent: 2, minTime: 20 })

  const urgent = limiter.schedule({ priority: 0 }, () => load(1)) // 0 is first, 9 last
  const users = Promise.all([2, 3, 4].map((id) => limiter.schedule(() => load(id))))
  // #endregion
  console.log(await urgent, await users) // => user 1 [ 'user 2', 'user 3', 'user 4' ]
  await limiter.stop()
}

{
  const began = performance.now()
  // #region after
  const queue = QueueFactory.priority<() => unknown, string>({
    workers: 2,
    limiter: LimiterFactory.tokenBucket({ rate: 50, per: '1s', burst: 1 }), // one each 20 ms
  }).start()

  const urgent = queue.submit(() => load(1), { priority: 10 }) // the highest is first
  const users = Promise.all([2, 3, 4].map((id) => queue.submit(() => load(id))))
  // #endregion
  console.log(await urgent, await users) // => user 1 [ 'user 2', 'user 3', 'user 4' ]
  console.log(`never two within 20 ms: ${performance.now() - began >= 59}`) // => never two within 20 ms: true
  await queue.stop()
}

// A reservoir that is filled up again.
{
  // #region reservoir-before
  const limiter = new Bottleneck({
    reservoir: 100,
    reservoirRefreshAmount: 100,
    reservoirRefreshInterval: 60_000, // milliseconds, and a multiple of 250
  })
  const user = await limiter.schedule(() => load(5))
  // #endregion
  console.log(user, await limiter.currentReservoir()) // => user 5 99
  await limiter.disconnect(false)
}
{
  // #region reservoir-after
  const limiter = LimiterFactory.fixedWindow({ rate: 100, per: '1m' })
  const user = await limiter.schedule('', () => load(5))
  // #endregion
  console.log(user, (await limiter.peek()).remaining) // => user 5 99
}

// A limit for each key.
{
  // #region group-before
  const group = new Bottleneck.Group({ maxConcurrent: 1 })
  const user = await group.key('ann').schedule(() => load(6))
  // #endregion
  console.log(user) // => user 6
  await group.disconnect(false)
}
{
  // #region group-after
  const limiter = LimiterFactory.concurrency({ limit: 1 })
  const user = await limiter.schedule('ann', () => load(6))
  // #endregion
  console.log(user) // => user 6
}

// Jobs that weigh more than others.
{
  // #region weight-before
  const limiter = new Bottleneck({ maxConcurrent: 10, reservoir: 100 })
  const user = await limiter.schedule({ weight: 5 }, () => load(7))
  // #endregion
  console.log(user, await limiter.currentReservoir()) // => user 7 95
  await limiter.disconnect(false)
}
{
  // #region weight-after
  const limiter = LimiterFactory.composite(
    LimiterFactory.concurrency({ limit: 10 }), // so much weight at once
    LimiterFactory.fixedWindow({ rate: 100, per: '1h' }), // and so much an hour
  )
  const user = await limiter.schedule('', () => load(7), { cost: 5 })
  // #endregion
  console.log(user, (await limiter.peek()).remaining) // => user 7 10
}

// So many at once, and a pause between two starts.
{
  // #region both-before
  const limiter = new Bottleneck({ maxConcurrent: 2, minTime: 20 })
  const users = await Promise.all([8, 9].map((id) => limiter.schedule(() => load(id))))
  // #endregion
  console.log(users) // => [ 'user 8', 'user 9' ]
  await limiter.disconnect(false)
}
{
  // #region both-after
  const limiter = LimiterFactory.composite(
    LimiterFactory.concurrency({ limit: 2 }),
    LimiterFactory.tokenBucket({ rate: 50, per: '1s', burst: 1 }), // one each 20 ms
  )
  const users = await Promise.all([8, 9].map((id) => limiter.schedule('', () => load(id))))
  // #endregion
  console.log(users) // => [ 'user 8', 'user 9' ]
}
